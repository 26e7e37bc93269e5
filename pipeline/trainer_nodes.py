"""The nodes that train: on cached features, over folds of them, and on sound."""

from collections.abc import Mapping
from typing import Any

from tfx.dsl.components.base.base_node import BaseNode
from tfx.orchestration.data_types import RuntimeParameter
from tfx.proto import trainer_pb2
from tfx.types.channel import BaseChannel

from components.cross_validator.component import CrossValidator
from components.embedding_exporter.component import EmbeddingExporter
from components.ensemble_trainer.component import EnsembleTrainer
from components.head_trainer.component import HeadTrainer
from components.pushed_model_finder.component import PushedModelFinder
from components.tuner.component import Tuner
from components.warm_start_trainer.component import WarmStartTrainer
from pipeline.clip_nodes import Clips
from schema.config.config import Config
from schema.config.model_settings import ModelSettings


def train_on_features(
    config: Config,
    model: ModelSettings,
    clips: Clips,
    exporter: EmbeddingExporter,
    tuner: Tuner | None = None,
) -> HeadTrainer:
    """Builds the node that trains a head on cached features, with a tuner's settings if given."""
    return HeadTrainer(
        run_fn="trainer.fitting.frozen_head.run_fn",
        examples=exporter.outputs["embeddings"],
        **_known_to_every_trainer(clips),
        train_args=trainer_pb2.TrainArgs(splits=["train"]),
        eval_args=trainer_pb2.EvalArgs(splits=["eval"]),
        custom_config=trainer_config(config, model),
        hyperparameters=tuner and tuner.outputs["best_hyperparameters"],
    )


def train_on_sound(
    config: Config, model: ModelSettings, clips: Clips, previous: PushedModelFinder | None
) -> WarmStartTrainer:
    """Builds the node that trains a network together with a head."""
    return WarmStartTrainer(
        "trainer.warm_start.training.run_fn",
        {
            "examples": clips.example_gen.outputs["examples"],
            "noise": clips.example_gen.outputs["noise"],
            **_known_to_every_trainer(clips),
            **({"previous_model": previous.outputs["model"]} if previous else {}),
        },
        trainer_config(config, model),
    )


def combine_models(
    config: Config,
    model: ModelSettings,
    clips: Clips,
    exporter: EmbeddingExporter,
    trainers: Mapping[str, BaseNode],
) -> EnsembleTrainer:
    """Builds the node that makes an ensemble of the models of other nodes."""
    return EnsembleTrainer(
        "trainer.ensemble.training.run_fn",
        {"examples": exporter.outputs["embeddings"], **_known_to_every_trainer(clips)},
        {name: trainers[name].outputs for name in model.ensemble.members},
        trainer_config(config, model),
    )


def find_previous_model(
    config: Config, push_destination: str | RuntimeParameter
) -> PushedModelFinder | None:
    """Finds the model to continue from, if a configured model asks for it."""
    if all(model.warm_start.start == "checkpoint" for model in config.model):
        return None
    return PushedModelFinder({}, push_destination).with_id("PreviousModel")


def _known_to_every_trainer(clips: Clips) -> dict[str, BaseChannel]:
    return {
        "transform_graph": clips.transform.outputs["transform_graph"],
        "schema": clips.schema.outputs["schema"],
        "base_model": clips.importer.outputs["weights"],
    }


def trainer_config(config: Config, model: ModelSettings) -> dict[str, Any]:
    """Builds the input of `trainer.fitting.training_job.read_training_job`."""
    return {
        "model": model.model_dump(mode="json", exclude={"train"}),
        "train": config.train_settings(model).model_dump(mode="json"),
        "features": config.features.model_dump(mode="json", exclude={"cache"}),  # Changes no model.
        "max_clip_samples": config.ingest.max_clip_samples,
        "embedding_size": config.embedding_size,
        "target_precision": config.evaluate.target_precision,
    }


def cross_validate(
    config: Config, clips: Clips, exporters: dict[str, EmbeddingExporter]
) -> dict[str, CrossValidator]:
    """Builds the nodes that cross-validate the heads on cached features, by model, if any do.

    Args:
        config: The configuration.
        clips: The nodes that all models share.
        exporters: The nodes that compute the features, by layer tap.
    """
    if config.evaluate.folds is None:
        return {}
    return {
        model.title: CrossValidator(
            "trainer.cross_validation.cross_validation.run_fn",
            _folded(clips, exporters[model.features]),
            config,
            trainer_config(config, model),
        )
        for model in config.models_on_features
    }


def tune(config: Config, clips: Clips, exporters: dict[str, EmbeddingExporter]) -> Tuner | None:
    """Builds the node that searches for settings, if the configuration asks for it.

    Args:
        config: The configuration.
        clips: The nodes that all models share.
        exporters: The nodes that compute the features, by layer tap.
    """
    if config.tune is None:
        return None
    model = config.tuned_model
    return Tuner(
        "trainer.tuning.tuning.run_fn",
        _folded(clips, exporters[model.features]),
        config,
        {**trainer_config(config, model), "tune": config.tune.model_dump()},
    )


def _folded(clips: Clips, exporter: EmbeddingExporter) -> dict[str, BaseChannel]:
    return {
        "examples": clips.example_gen.outputs["examples"],
        "embeddings": exporter.outputs["embeddings"],
        "transform_graph": clips.transform.outputs["transform_graph"],
    }
