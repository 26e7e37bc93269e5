"""The base of the sections of a configuration."""

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """The base of every configuration section: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)
