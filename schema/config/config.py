"""The configuration of a run."""

from typing import Any

from pydantic import Field, field_validator, model_validator

from schema.config.beam_settings import BeamSettings
from schema.config.delivery_settings import (
    CardSettings,
    EvaluateSettings,
    NodeResources,
    PushSettings,
    ReportSettings,
)
from schema.config.ensembles.ensemble_members import TUNED, with_features_of_members
from schema.config.ingest_settings import IngestSettings
from schema.config.model_settings import (
    FeatureSettings,
    ModelSettings,
    TrainSettings,
    TuneSettings,
)
from schema.config.predict.predict_settings import EventSettings, PredictSettings
from schema.config.run_settings import MetadataSettings, RunSettings
from schema.config.settings import Settings
from schema.config.source_settings import SourceSettings
from schema.config.split_settings import SplitSettings
from schema.config.warm_start_settings import WARM_START_RATE
from vggish.networks.network_table import find_network
from vggish.params import EMBEDDING_SIZE, SAMPLE_RATE, WINDOW_HOP_SAMPLES

MAX_CLIP_WINDOWS = 8_192
"""Maximum number of windows of a clip: a served model has all their features in memory at once,
up to 48 KiB of each."""


class Config(Settings):
    """All sections of a configuration."""

    source: SourceSettings
    ingest: IngestSettings = IngestSettings()
    split: SplitSettings = SplitSettings()
    features: FeatureSettings = FeatureSettings()
    model: tuple[ModelSettings, ...] = Field(
        default=(ModelSettings(),), min_length=1, description="One model, or a list to compare."
    )
    train: TrainSettings = TrainSettings()
    tune: TuneSettings | None = Field(
        default=None, description="Search for the settings of a head; null: none."
    )
    evaluate: EvaluateSettings = EvaluateSettings()
    push: PushSettings = PushSettings()
    predict: PredictSettings = PredictSettings()
    card: CardSettings = CardSettings()
    report: ReportSettings = ReportSettings()
    beam: BeamSettings = BeamSettings()
    resources: dict[str, NodeResources] = Field(
        default={},
        description="Resources by node (Trainer_dense), by kind of node (Trainer), or as "
        "`default`; only for Kubeflow and Vertex AI.",
    )
    run: RunSettings = RunSettings()
    metadata: MetadataSettings = MetadataSettings()

    @model_validator(mode="before")
    @classmethod
    def _embeddings_are_features(cls, values: Any) -> Any:
        """Makes the defaults of features those of a source of embeddings."""
        source = values.get("source") if isinstance(values, dict) else None
        if not isinstance(source, dict) or source.get("kind") != "embeddings":
            return values
        models = values.get("model", {})
        named = [
            {"features": "embedding"} | model if isinstance(model, dict) else model
            for model in (models if isinstance(models, list | tuple) else [models])
        ]
        features = values.get("features", {})
        if isinstance(features, dict) and source.get("network") is not None:
            features = {"network": source["network"]} | features
        return values | {"model": named, "features": features}

    @field_validator("model", mode="before")
    @classmethod
    def _is_a_list(cls, value: Any) -> Any:
        return [value] if isinstance(value, dict) else value

    @field_validator("model")
    @classmethod
    def _know_each_other(cls, models: tuple[ModelSettings, ...]) -> Any:
        titles = [model.title for model in models]
        for title in titles:
            if titles.count(title) > 1:
                raise ValueError(f"several models are called {title!r}; give each a `name`")
        return with_features_of_members(models)

    @model_validator(mode="after")
    def _clips_can_be_served(self) -> "Config":
        # A hop beyond a window does not allow longer clips: their samples take memory, too.
        hop = min(self.features.front_end.hop_samples, WINDOW_HOP_SAMPLES)
        windows = self.ingest.max_clip_samples // hop
        if windows > MAX_CLIP_WINDOWS:
            seconds = MAX_CLIP_WINDOWS * hop // SAMPLE_RATE
            raise ValueError(
                f"ingest.max_seconds ({self.ingest.max_seconds:g}) and features.hop_seconds "
                f"({hop / SAMPLE_RATE:g}) let in clips of {windows} windows, but a served "
                f"model takes {MAX_CLIP_WINDOWS}; set ingest.max_seconds to {seconds} or less, or "
                "features.hop_seconds to more"
            )
        return self

    @model_validator(mode="after")
    def _windows_are_clips(self) -> "Config":
        if self.source.kind == "annotations":
            for key in ("long", "min_seconds", "short", "windows"):
                if getattr(self.ingest, key) != IngestSettings.model_fields[key].get_default():
                    raise ValueError(
                        f"ingest.{key} means nothing for annotated recordings, whose windows are "
                        "clips; leave it out"
                    )
        return self

    @model_validator(mode="after")
    def _recordings_can_be_heard(self) -> "Config":
        if self.network is None and self.predict.recordings is not None:
            raise ValueError(
                "predict.recordings needs a model of sounds, but the network that made the "
                "embeddings is not known; set source.network, or leave it out"
            )
        annotated = self.source.kind == "annotations" and self.source.annotations.complete
        heard = annotated or self.predict.recordings is not None
        if not heard and self.predict.windows != EventSettings():
            raise ValueError(
                "predict.windows means nothing without recordings; set predict.recordings to their "
                "folder, or leave it out"
            )
        return self

    @model_validator(mode="after")
    def _models_fit_the_network(self) -> "Config":
        network = find_network(self.features.network)
        for model in self.model:
            feature = network.find_feature(model.features)
            if model.head == "warm_start":
                model.warm_start.check_layers(network, feature)
        return self

    @model_validator(mode="after")
    def _folds_need_features(self) -> "Config":
        asked = {"evaluate.folds": self.evaluate.folds, "tune": self.tune}
        key = next((key for key, value in asked.items() if value is not None), None)
        if key and not self.models_on_features:
            raise ValueError(
                f"{key} trains heads on cached features, and warm_start learns from sound; add a "
                f"model with another head, or leave out {key}"
            )
        titles = {model.title for model in self.model}
        members = {name for model in self.model for name in model.ensemble.members}
        if not self.tune and TUNED in members - titles:
            raise ValueError(
                f"the member {TUNED!r} of an ensemble is the model that `tune` finds; add a "
                "section `tune`, or name another"
            )
        if self.tune and TUNED in titles:
            raise ValueError(f"{TUNED!r} is the model that `tune` finds; give this one a `name`")
        return self

    @property
    def models_on_features(self) -> tuple[ModelSettings, ...]:
        """The models whose heads learn from cached features."""
        return tuple(model for model in self.model if model.on_features)

    @property
    def tuned_model(self) -> ModelSettings:
        """The model whose settings `tune` replaces: the first that learns from features."""
        return self.models_on_features[0].model_copy(update={"name": TUNED})

    @property
    def embedding_size(self) -> int | None:
        """Numbers of an embedding if clips are embeddings instead of sound; None of sound."""
        sizes = {"audioset_embeddings": EMBEDDING_SIZE, "embeddings": self.source.size}
        return sizes.get(self.source.kind)

    @property
    def network(self) -> str | None:
        """The network that makes the features; None of embeddings whose network is unknown."""
        if self.source.kind == "embeddings":
            return self.source.network
        return self.features.network

    def size_of(self, features: str) -> int:
        """Returns the numbers per window of a layer tap, or of the source's embeddings."""
        own = find_network(self.features.network).features
        return self.embedding_size or own[features].size

    @property
    def multi_label(self) -> bool:
        """Whether a clip may have several labels, or none; defined once `task` is not `auto`."""
        return self.model[0].task != "single_label"

    def train_settings(self, model: ModelSettings) -> TrainSettings:
        """Returns how a model is trained; its own section `train` wins over the common one."""
        own = {} if model.train is None else model.train.model_dump(exclude_unset=True)
        if model.head == "warm_start" and "learning_rate" not in (
            own.keys() | self.train.model_fields_set
        ):
            own["learning_rate"] = WARM_START_RATE
        return self.train.model_copy(update=own)
