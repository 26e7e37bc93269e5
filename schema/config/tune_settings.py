"""The search for the settings of a head (`tune`)."""

from typing import Annotated

from pydantic import Field

from schema.config.settings import Settings


class TuneSettings(Settings):
    """The search for the settings of a head (`tune`)."""

    trials: Annotated[int, Field(ge=2, le=1000)] = Field(
        default=30, description="Number of settings that are tried, the configured ones first."
    )
    minutes: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="Minutes after which no further training starts; null: any."
    )
    seed: int = Field(default=0, ge=0, description="Seed of the settings that are tried.")
