"""What a Trainer node is asked to learn, as TFX hands it over."""

from dataclasses import dataclass

import tensorflow_transform as tft
from tfx.components.trainer.fn_args_utils import FnArgs

from schema import clip_examples
from schema.config.feature_settings import FeatureSettings
from schema.config.model_settings import ModelSettings, TrainSettings


@dataclass(frozen=True)
class Job:
    """A model to be trained.

    Attributes:
        model: What is learned.
        train: How.
        features: How windows are cut.
        embedded: Whether the clips came as released embeddings in place of sound.
        classes: The class names, in the order of the scores.
    """

    model: ModelSettings
    train: TrainSettings
    features: FeatureSettings
    embedded: bool
    classes: list[str]

    @property
    def multi_label(self) -> bool:
        """Whether a clip may have several labels, or none."""
        return self.model.task == "multi_label"


def read_job(fn_args: FnArgs) -> Job:
    """Reads what `create_pipeline` put into a Trainer's `custom_config`."""
    config = fn_args.custom_config
    vocabulary = tft.TFTransformOutput(fn_args.transform_output).vocabulary_by_name(
        clip_examples.LABEL_VOCABULARY
    )
    return Job(
        model=ModelSettings.model_validate(config["model"]),
        train=TrainSettings.model_validate(config["train"]),
        features=FeatureSettings.model_validate(config["features"]),
        embedded=config["embedded"],
        classes=[name.decode() for name in vocabulary],
    )
