"""What a Trainer node leaves: the served model with its card, and how it was learned."""

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tfx.components.trainer.fn_args_utils import FnArgs

from schema.clip_scores import EVAL_SCORES_FILE, write_clip_scores
from schema.imported_weights import WeightsOrigin
from schema.model_card import EXTRA_FOLDER, write_model_card
from trainer.fitting.rate_finder import RateCurve
from trainer.fitting.training_job import Job
from trainer.heads.classical_fitting import FittedHead
from trainer.serving.served_classifier import ServedClassifier
from trainer.serving.warmup_requests import write_warmup_requests
from vggish.networks.pca_postprocessor import ReleasedEmbedding

HISTORY_FILE = "history.json"
"""What `model_run` holds: the curves by epoch, the final metrics by split, and, or null, what the
learning-rate finder saw."""

_PACKAGES = ("vggish-tfx", "keras", "tfx")


@dataclass(frozen=True)
class TrainedModel:
    """A network and a head that fit each other.

    Attributes:
        network: From log-mel windows, float32 [w, 96, 64], to features [w, D].
        head: From the features of clips, ragged float32 [batch, n, D], to scores, float32 [batch,
            classes].
        parameters: How many numbers both have.
        trainable_parameters: How many of them were learned.
        origin: Where VGGish's weights come from.
        clips: How many clips each split had.
        metrics: The final metrics by split.
        eval_scores: The ids of the eval split's clips, bytes [clips], and what they were scored in
            training, float32 [clips, classes].
        thresholds: Of the scores, float32 [classes], where clips may have several labels, or none.
        history: Curves by epoch or boosting round, where there are any.
        native: What another library than Keras fitted.
        rate_finder: How the learning rate was found, where it was to be.
        card: What else the model card is to say.
    """

    network: keras.Model | ReleasedEmbedding
    head: Callable[[tf.RaggedTensor], tf.Tensor]
    parameters: int
    trainable_parameters: int
    origin: WeightsOrigin
    clips: dict[str, int]
    metrics: dict[str, dict[str, float]]
    eval_scores: tuple[np.ndarray, np.ndarray]
    thresholds: np.ndarray | None
    history: dict[str, list[float]] = field(default_factory=dict)
    native: FittedHead | None = None
    rate_finder: RateCurve | None = None
    card: dict[str, Any] = field(default_factory=dict)


def write_trained_model(fn_args: FnArgs, job: Job, trained: TrainedModel) -> None:
    """Writes a Trainer's outputs.

    Args:
        fn_args: TFX's; the model goes to `serving_model_dir`, the history to `model_run_dir`.
        job: What was asked for.
        trained: What came of it.
    """
    _write_json(
        os.path.join(fn_args.model_run_dir, HISTORY_FILE),
        {
            "history": trained.history,
            "metrics": trained.metrics,
            "rate_finder": trained.rate_finder and asdict(trained.rate_finder),
        },
    )
    thresholds = None if trained.thresholds is None else trained.thresholds.tolist()
    write_clip_scores(os.path.join(fn_args.model_run_dir, EVAL_SCORES_FILE), *trained.eval_scores)
    ServedClassifier(
        trained.network,
        trained.head,
        job.classes,
        job.features.hop_samples,
        thresholds=thresholds,
        embedded=job.embedded,
    ).save(fn_args.serving_model_dir)
    write_warmup_requests(fn_args.serving_model_dir, embedded=job.embedded)
    native = trained.native
    if native is not None:
        native.save_native(os.path.join(fn_args.serving_model_dir, EXTRA_FOLDER), job.classes)
    write_model_card(
        fn_args.serving_model_dir,
        {
            "classes": job.classes,
            "name": job.model.title,
            "head": job.model.head,
            "features": job.model.features,
            "task": job.model.task,
            "thresholds": (
                None if thresholds is None else dict(zip(job.classes, thresholds, strict=True))
            ),
            "hop_seconds": job.features.hop_seconds,
            "compute": job.features.compute,
            "embedded": job.embedded,
            "parameters": trained.parameters,
            "trainable_parameters": trained.trainable_parameters,
            **asdict(trained.origin),
            "clips": trained.clips,
            "metrics": trained.metrics,
            **trained.card,
            # TensorFlow's package has several names (tensorflow-cpu), its module has one.
            "versions": {"tensorflow": tf.__version__}
            | {name: version(name) for name in _PACKAGES}
            | ({} if native is None else native.libraries),
        },
    )


def _write_json(path: str, value: dict[str, Any]) -> None:
    tf.io.gfile.makedirs(os.path.dirname(path))
    with tf.io.gfile.GFile(path, "w") as file:
        file.write(json.dumps(value))
