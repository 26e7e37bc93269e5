"""An ensemble of a run's models (`model.ensemble`)."""

from typing import Literal

from pydantic import Field

from schema.config.settings import Settings


class EnsembleSettings(Settings):
    """The models whose scores are combined, and how (`model.ensemble`)."""

    members: tuple[str, ...] = Field(
        default=(), description="Names of two or more models of the run, heads on cached features."
    )
    combine: Literal["stack", "mean"] = Field(
        default="stack",
        description="`stack`: a weighted sum of the log-odds, with a weight per member that the "
        "eval split decides. `mean`: the mean of the scores.",
    )
