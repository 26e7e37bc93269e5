"""What a model must reach, where it goes, what its card says, and what its nodes may use."""

from typing import Annotated, Literal

from pydantic import Field

from schema.config.settings import Settings


class EvaluateSettings(Settings):
    """What a model must reach on the test split to be blessed (`evaluate`)."""

    min_score: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Accuracy, or lwlrap where clips have several labels; at least.",
    )
    max_drop: float = Field(
        default=0.01, ge=0, le=1, description="Below the last blessed model's score, at most."
    )
    slices: tuple[Literal["label", "duration", "group"], ...] = Field(
        default=("label", "duration", "group"),
        description="By what the test clips are parted, to be scored part by part.",
    )


class PushSettings(Settings):
    """Where blessed models go, and what a server must find of them (`push`)."""

    folder: str | None = Field(
        default=None, description="TensorFlow Serving's model folder; default: OUTPUT/serving."
    )
    validate_in: Literal["process", "docker"] = Field(
        default="process",
        description="What a model is tried in beforehand: a process of its own that has nothing "
        "but TensorFlow, or TensorFlow Serving in Docker.",
    )
    max_latency_ms: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="Of one clip of a second, at most; null: any."
    )
    max_memory_mb: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="Of the process that serves it, at most; null: any."
    )


class CardSettings(Settings):
    """What the model's card says in the words of whoever made it (`card`)."""

    title: str = Field(default="", description="What the model is called.")
    description: str = Field(default="", description="What it is for.")
    data: str = Field(default="", description="Where the sounds come from.")
    licence: str = Field(default="", description="Of the sounds.")
    limits: str = Field(default="", description="What it is not for.")
    contact: str = Field(default="", description="Whom to ask.")


class NodeResources(Settings):
    """What a node's container may use on Kubeflow and Vertex AI (an entry of `resources`)."""

    cpu: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="Cores, at most; null: what the cluster gives."
    )
    memory_gb: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="At most; null: what the cluster gives."
    )
    accelerator: str | None = Field(
        default=None, description="As the cluster calls it, such as NVIDIA_TESLA_T4."
    )
    accelerators: Annotated[int, Field(gt=0)] = Field(default=1, description="How many.")
