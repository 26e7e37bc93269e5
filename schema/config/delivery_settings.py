"""Measurement of a model, its destination, its card, and the resources of nodes."""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from schema.config.settings import Settings

ALL_FOLDS = "all"
"""Value of `evaluate.folds` for the folds that the source gives."""
MOST_FOLDS = 100


class EvaluateSettings(Settings):
    """How models are measured, and when they are blessed (`evaluate`)."""

    min_score: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Minimum accuracy, or lwlrap if clips have several labels.",
    )
    max_drop: float = Field(
        default=0.01, ge=0, le=1, description="Maximum drop below the last blessed model's score."
    )
    target_precision: Annotated[float, Field(gt=0, le=1)] | None = Field(
        default=None,
        description="Precision on the eval split from which a class's threshold is chosen, where "
        "clips may have several labels or none; null: the threshold of the highest F1.",
    )
    slices: tuple[Literal["label", "duration", "group"], ...] = Field(
        default=("label", "duration", "group"),
        description="Properties by which test clips are grouped for scores per group.",
    )
    folds: int | Literal["all"] | None = Field(
        default=None,
        description="Cross-validation: the number of folds, or `all` folds that the source gives; "
        "null: none.",
    )

    @field_validator("folds", mode="before")
    @classmethod
    def _is_a_number_or_all(cls, folds: Any) -> Any:
        is_number = isinstance(folds, int) and 2 <= folds <= MOST_FOLDS
        if folds not in (None, ALL_FOLDS) and not is_number:
            raise ValueError(f"must be {ALL_FOLDS} or a whole number from 2 to {MOST_FOLDS}")
        return folds


class PushSettings(Settings):
    """Destination of blessed models, and the checks before (`push`)."""

    folder: str | None = Field(
        default=None, description="Model folder of TensorFlow Serving; default: OUTPUT/serving."
    )
    validate_in: Literal["process", "docker"] = Field(
        default="process",
        description="Where a model is tested first: a separate process with nothing but "
        "TensorFlow, or TensorFlow Serving in Docker.",
    )
    max_latency_ms: Annotated[float, Field(gt=0)] | None = Field(
        default=None,
        description="Maximum latency of a one-second clip, in milliseconds; null: any.",
    )
    max_memory_mb: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="Maximum memory of the serving process, in MB; null: any."
    )


class CardSettings(Settings):
    """Text of the model's card (`card`)."""

    title: str = Field(default="", description="Title of the model.")
    description: str = Field(default="", description="Purpose of the model.")
    data: str = Field(default="", description="Origin of the sounds.")
    licence: str = Field(default="", description="Licence of the sounds.")
    limits: str = Field(default="", description="Uses that the model is not fit for.")
    contact: str = Field(default="", description="Contact for questions.")


class ReportSettings(Settings):
    """Content of the report (`report`)."""

    sounds: bool = Field(
        default=True,
        description="Whether the report has the sounds of wrong and unsure test clips.",
    )


class NodeResources(Settings):
    """Resources of a node's container on Kubeflow and Vertex AI (an entry of `resources`)."""

    cpu: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="Maximum number of cores; null: the cluster's default."
    )
    memory_gb: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="Maximum memory in GB; null: the cluster's default."
    )
    accelerator: str | None = Field(
        default=None, description="Name of the accelerator on the cluster, such as NVIDIA_TESLA_T4."
    )
    accelerators: Annotated[int, Field(gt=0)] = Field(
        default=1, description="Number of accelerators."
    )
