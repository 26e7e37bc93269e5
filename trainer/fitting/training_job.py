"""The job of a Trainer node, as TFX passes it."""

from dataclasses import dataclass, replace
from typing import Any

import tensorflow_transform as tft
from tfx.components.trainer.fn_args_utils import FnArgs

from schema import clip_examples
from schema.config.model_settings import FeatureSettings, ModelSettings, TrainSettings


@dataclass(frozen=True)
class TrainingJob:
    """A model to train.

    Attributes:
        model: Settings of the model.
        train: Settings of the training.
        features: Settings of windows and features.
        max_clip_samples: Maximum length of a served clip, in samples at 16 kHz.
        embedding_size: Numbers of an embedding if clips are embeddings instead of sound, or None.
        target_precision: Precision that thresholds are chosen for; None for the highest F1.
        classes: Class names, in the order of the scores.
    """

    model: ModelSettings
    train: TrainSettings
    features: FeatureSettings
    max_clip_samples: int
    embedding_size: int | None
    target_precision: float | None
    classes: list[str]

    @property
    def multi_label(self) -> bool:
        """Whether a clip may have several labels, or none."""
        return self.model.task != "single_label"


def read_training_job(fn_args: FnArgs) -> TrainingJob:
    """Reads the `custom_config` that `create_pipeline` gives a Trainer.

    Of a tuned model, `hyperparameters` has the settings that differ; see `tuned_job`.
    """
    config = fn_args.custom_config
    vocabulary = tft.TFTransformOutput(fn_args.transform_output).vocabulary_by_name(
        clip_examples.LABEL_VOCABULARY
    )
    job = TrainingJob(
        model=ModelSettings.model_validate(config["model"]),
        train=TrainSettings.model_validate(config["train"]),
        features=FeatureSettings.model_validate(config["features"]),
        max_clip_samples=config["max_clip_samples"],
        embedding_size=config["embedding_size"],
        target_precision=config["target_precision"],
        classes=[name.decode() for name in vocabulary],
    )
    return tuned_job(job, fn_args.hyperparameters) if fn_args.hyperparameters else job


def tuned_job(job: TrainingJob, settings: dict[str, dict[str, Any]]) -> TrainingJob:
    """Returns a job with other settings.

    Args:
        job: The job.
        settings: The sections `model` and `train`, with the settings that differ.
    """
    model = job.model.model_dump() | settings["model"]
    train = job.train.model_dump() | settings["train"]
    return replace(
        job,
        model=ModelSettings.model_validate(model),
        train=TrainSettings.model_validate(train),
    )
