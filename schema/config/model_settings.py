"""The network's features, the model and its training (`features`, `model`, `train`, `tune`)."""

from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from schema.config.classical_head_settings import (
    KnnSettings,
    LinearDiscriminantSettings,
    LinearSvmSettings,
    LogisticRegressionSettings,
    RandomForestSettings,
    RbfSvmSettings,
    XgboostSettings,
)
from schema.config.ensembles.ensemble_settings import EnsembleSettings
from schema.config.settings import Settings
from schema.config.warm_start_settings import WarmStartSettings
from vggish import params
from vggish.networks.network import FrontEnd
from vggish.networks.network_table import find_network


class FeatureSettings(Settings):
    """The network, its weights and its windows (`features`)."""

    network: str = Field(
        default="vggish", description="Network that computes the features: vggish or yamnet."
    )
    checkpoint: str | None = Field(
        default=None,
        description="Path of the network's weights, such as vggish_model.ckpt or yamnet.h5, "
        "`download` or `random`; see `--checkpoint`.",
    )
    seed: int = Field(default=0, ge=0, description="Seed of `random` weights.")
    pca_params: str | None = Field(
        default=None,
        description="Path of vggish_pca_params.npz, or `download`; for released embeddings.",
    )
    hop_seconds: Annotated[float, Field(ge=0.01, le=10)] | None = Field(
        default=None,
        description="Seconds between the starts of windows; null: the network's own, 0.96 of "
        "VGGish, 0.48 of YAMNet.",
    )
    compute: Literal["auto", "float32", "bfloat16"] = Field(
        default="float32",
        description="Precision of the frozen network; `auto`: bfloat16 if it is much faster here.",
    )
    cache: str | None = Field(
        default=None,
        min_length=1,
        description="Folder or address where embeddings are kept for other runs; null: nowhere.",
    )
    table: bool | None = Field(
        default=None,
        description="Whether to write the table of mean embeddings, with a column per feature; "
        f"default: if there are at most {params.EMBEDDING_SIZE} features.",
    )

    @field_validator("network")
    @classmethod
    def _exists(cls, name: str) -> str:
        return find_network(name).name

    @property
    def front_end(self) -> FrontEnd:
        """How sound becomes windows of log-mel."""
        own = find_network(self.network).front_end
        if self.hop_seconds is None:
            return own
        return replace(own, hop_samples=round(self.hop_seconds * params.SAMPLE_RATE))

    def writes_table(self, size: int) -> bool:
        """Returns whether a table of so many features is written."""
        return size <= params.EMBEDDING_SIZE if self.table is None else self.table


class TrainSettings(Settings):
    """Training of the head (`train`)."""

    epochs: int = Field(default=30, gt=0, description="Maximum number of epochs.")
    batch_size: int = Field(default=64, gt=0, description="Clips per step.")
    learning_rate: Annotated[float, Field(gt=0)] | Literal["auto"] = Field(
        default="auto",
        description="Peak learning rate of Adam; `auto`: searched on the training split first.",
    )
    schedule: Literal["one_cycle", "constant"] = Field(
        default="one_cycle",
        description="Learning-rate schedule; `one_cycle`: a rise for a quarter of all epochs, then "
        "a fall to 0.",
    )
    patience: int = Field(
        default=10,
        gt=0,
        description="Epochs without a better eval loss before training stops; `one_cycle` is not "
        "cut short.",
    )
    balanced: bool = Field(
        default=False, description="Whether rare classes weigh as much as frequent ones."
    )
    label_smoothing: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="Share of a target that is spread over all classes.",
    )
    mixup: float = Field(
        default=0.0,
        ge=0,
        description="Alpha of the Beta distribution that mixes pairs of clips; 0: no mixup.",
    )
    seed: int = Field(default=0, ge=0, description="Seed of the training.")
    workers: Annotated[int, Field(ge=1, le=64)] = Field(
        default=1,
        description="Processes that train a `dense` or `warm_start` head together; they share "
        "every batch.",
    )
    memory_gb: float = Field(
        default=1.5,
        gt=0,
        description="Memory in GB that a classical head may take; it learns from a stratified "
        "sample of the training clips if all need more.",
    )

    @model_validator(mode="after")
    def _dealt(self) -> "TrainSettings":
        if self.batch_size % self.workers:
            raise ValueError(
                f"batch_size {self.batch_size} cannot be dealt to {self.workers} workers; set it "
                "to a multiple of workers"
            )
        return self


class TuneSettings(Settings):
    """The search for the settings of a head (`tune`)."""

    trials: Annotated[int, Field(ge=2, le=1000)] = Field(
        default=30, description="Number of settings that are tried, the configured ones first."
    )
    minutes: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="Minutes after which no further training starts; null: any."
    )
    seed: int = Field(default=0, ge=0, description="Seed of the settings that are tried.")


Pooling = Literal["mean", "mean_max", "mean_std_max", "attention"]
GRADIENT_HEADS = ("dense", "warm_start")
"""Heads fitted by gradient descent: the only ones that can learn an attention, and train on several
workers."""


class ModelSettings(Settings):
    """The classifier on top of the network (`model`)."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")] | None = Field(
        default=None, description="Name in a run with several models; default: the head."
    )
    features: str = Field(
        default="fusion", description="Layer tap of the network that the head reads."
    )
    head: Literal[
        "dense",
        "ensemble",
        "knn",
        "linear_discriminant",
        "linear_svm",
        "logistic_regression",
        "random_forest",
        "rbf_svm",
        "warm_start",
        "xgboost",
    ] = Field(
        default="dense",
        description="Kind of classifier. `dense`: fully connected layers on frozen features. "
        "`warm_start`: the same, trained together with the network. `ensemble`: other models of "
        "the run together. Every head but `dense` has a section of its name.",
    )
    task: Literal["auto", "single_label", "multi_label", "open_set"] = Field(
        default="auto",
        description="Labels per clip. `open_set`: one, or none of the classes. `auto`: multi_label "
        "if any clip of the source has several, or else open_set if it has background.",
    )
    hidden: tuple[Annotated[int, Field(gt=0)], ...] | None = Field(
        default=None,
        description="Units of each hidden layer; an empty list makes the head linear. Default: "
        "[200, 100], or [1024, 1024] for more than 100 classes.",
    )
    dropout: float = Field(
        default=0.5, ge=0, lt=1, description="Dropout rate after every hidden layer."
    )
    pooling: Pooling = Field(
        default="mean",
        description="Pooling of a clip's windows before the head: their mean, with their maximum, "
        "with their deviation and maximum, or a sum with learned weights.",
    )
    calibrate: bool = Field(
        default=True,
        description="Whether scores are calibrated to mean probabilities, where that lowers "
        "cross-entropy and calibration error of eval clips that it was not fitted to.",
    )
    ensemble: EnsembleSettings = EnsembleSettings()
    knn: KnnSettings = KnnSettings()
    linear_discriminant: LinearDiscriminantSettings = LinearDiscriminantSettings()
    linear_svm: LinearSvmSettings = LinearSvmSettings()
    logistic_regression: LogisticRegressionSettings = LogisticRegressionSettings()
    random_forest: RandomForestSettings = RandomForestSettings()
    rbf_svm: RbfSvmSettings = RbfSvmSettings()
    warm_start: WarmStartSettings = WarmStartSettings()
    xgboost: XgboostSettings = XgboostSettings()
    train: TrainSettings | None = Field(
        default=None, description="Training of this model, which wins over the section `train`."
    )

    @property
    def title(self) -> str:
        """The name of this model."""
        return self.name or self.head

    @property
    def on_features(self) -> bool:
        """Whether the head learns from cached features."""
        return self.head not in ("ensemble", "warm_start")

    @field_validator("pooling")
    @classmethod
    def _can_be_learned(cls, pooling: Pooling, info: ValidationInfo) -> Pooling:
        head = info.data.get("head", "dense")
        if pooling == "attention" and head not in GRADIENT_HEADS:
            raise ValueError(
                f"the head {head} cannot learn an attention; set it to mean, mean_max or "
                "mean_std_max"
            )
        return pooling
