"""Retries and time limits of nodes (`run`)."""

from typing import Annotated

from pydantic import Field

from schema.config.settings import Settings


class RunSettings(Settings):
    """Retries and time limits of nodes (`run`)."""

    retries: int = Field(
        default=2,
        ge=0,
        le=10,
        description="Number of retries of a node after a fault of storage, network or the metadata "
        "store.",
    )
    retry_wait_seconds: float = Field(
        default=10.0,
        gt=0,
        le=3600,
        description="Seconds before the first retry; doubled for each further one.",
    )
    time_limits: dict[str, Annotated[float, Field(gt=0)]] = Field(
        default={},
        description="Seconds by node for all its attempts together, such as {Trainer: 3600}; "
        "Trainer includes Trainer_dense.",
    )

    def time_limit(self, node: str) -> float | None:
        """Returns how many seconds a node may take: its own limit, or that of its kind."""
        return self.time_limits.get(node, self.time_limits.get(node_kind(node)))


def node_kind(node: str) -> str:
    """Returns the kind of a node: Trainer of Trainer_dense."""
    return node.partition("_")[0]
