"""How often a node is tried, and for how long (`run`)."""

from typing import Annotated

from pydantic import Field

from schema.config.settings import Settings


class RunSettings(Settings):
    """What is done about nodes that fail or hang (`run`)."""

    retries: int = Field(
        default=2,
        ge=0,
        le=10,
        description="How often a node is tried again where storage, network or the metadata store "
        "were at fault.",
    )
    retry_wait_seconds: float = Field(
        default=10.0, gt=0, le=3600, description="Before the first of them; doubled every time."
    )
    time_limits: dict[str, Annotated[float, Field(gt=0)]] = Field(
        default={},
        description="Seconds by node, all its attempts together, such as {Trainer: 3600}; Trainer "
        "is for Trainer_dense, too.",
    )

    def time_limit(self, node: str) -> float | None:
        """Returns how many seconds a node may take: its own limit, or that of its kind."""
        return self.time_limits.get(node, self.time_limits.get(node_kind(node)))


def node_kind(node: str) -> str:
    """Returns the kind of a node: Trainer of Trainer_dense."""
    return node.partition("_")[0]
