"""The outputs of a Trainer node: the served model with its card, and the training history."""

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tfx.components.trainer.fn_args_utils import FnArgs

from schema.clip_scores import scores_file, write_clip_scores
from schema.imported_weights import WeightsOrigin
from schema.model_card import EXTRA_FOLDER, write_model_card
from trainer.clips.clip_batches import one_hot
from trainer.decisions.decision_rule import DecisionRule, choose_rule
from trainer.fitting.calibration import CalibratedHead, Calibration, fit_calibration
from trainer.fitting.rate_finder import RateCurve
from trainer.fitting.split_metrics import compute_split_metrics
from trainer.fitting.training_job import TrainingJob
from trainer.heads.classical_head import FittedClassicalHead
from trainer.serving.served_classifier import ServedClassifier
from trainer.serving.warmup_requests import write_warmup_requests
from vggish.networks.pca_postprocessor import ReleasedEmbedding
from vggish.params import SAMPLE_RATE

HISTORY_FILE = "history.json"
"""File in `model_run`: the curves by epoch, the final metrics by split, and the curve of the
learning-rate finder or null."""

_PACKAGES = ("vggish-tfx", "keras", "tfx")


@dataclass(frozen=True)
class ScoredSplit:
    """The clips of a split, with the scores of the trained model.

    Attributes:
        clip_ids: bytes [clips].
        targets: Class ids, int64 [clips], of clips with one label; ones and zeros, float32 [clips,
            classes], of clips with several.
        scores: float32 [clips, classes].
    """

    clip_ids: np.ndarray
    targets: np.ndarray
    scores: np.ndarray


@dataclass(frozen=True)
class TrainedModel:
    """A network and a head that were trained together.

    Attributes:
        network: Model from log-mel windows, float32 [w, 96, 64], to features [w, D]; None if the
            network is unknown.
        head: Function from features of clips, ragged float32 [batch, n, D], to scores, float32
            [batch, classes].
        parameters: Number of parameters of both.
        trainable_parameters: Number of parameters that were learned.
        origin: The network and the origin of its weights.
        splits: The scored clips of the splits `train` and `eval`.
        history: Curves by epoch or boosting round, if there are any.
        native: The head as scikit-learn or XGBoost fitted it; None of a Keras head.
        rate_finder: Curve of the learning-rate finder; None if the rate was given.
        unfamiliarity: Function from features of clips, ragged float32 [batch, n, D], to how
            unfamiliar they are, float32 [batch, 1]; None if the model does not tell.
        card: Further entries of the model card.
    """

    network: keras.Model | ReleasedEmbedding | None
    head: Callable[[tf.RaggedTensor], tf.Tensor]
    parameters: int
    trainable_parameters: int
    origin: WeightsOrigin
    splits: dict[str, ScoredSplit]
    history: dict[str, list[float]] = field(default_factory=dict)
    native: FittedClassicalHead | None = None
    rate_finder: RateCurve | None = None
    unfamiliarity: Callable[[tf.RaggedTensor], tf.Tensor] | None = None
    card: dict[str, Any] = field(default_factory=dict)


def write_trained_model(fn_args: FnArgs, job: TrainingJob, trained: TrainedModel) -> None:
    """Calibrates a model, measures it on its splits, chooses thresholds, and writes the outputs.

    Args:
        fn_args: Arguments from TFX. The model goes to `serving_model_dir`, the history to
            `model_run_dir`.
        job: The training job.
        trained: Its result.
    """
    calibration = calibration_of(job, trained.splits["eval"])
    if calibration is not None:
        trained = _calibrated(trained, calibration)
    evaluation = trained.splits["eval"]
    metrics = {
        name: compute_split_metrics(split.targets, split.scores)
        for name, split in trained.splits.items()
    }
    rule = rule_of(job, evaluation.targets, evaluation.scores)
    tf.io.gfile.makedirs(fn_args.model_run_dir)
    history = {
        "history": trained.history,
        "metrics": metrics,
        "rate_finder": trained.rate_finder and asdict(trained.rate_finder),
    }
    with tf.io.gfile.GFile(os.path.join(fn_args.model_run_dir, HISTORY_FILE), "w") as file:
        file.write(json.dumps(history))
    for name, split in trained.splits.items():
        path = os.path.join(fn_args.model_run_dir, scores_file(name))
        write_clip_scores(path, split.clip_ids, split.scores)
    ServedClassifier(
        trained.network,
        trained.head,
        job.classes,
        job.features.front_end,
        max_samples=job.max_clip_samples,
        thresholds=rule.thresholds,
        at_most_one=rule.at_most_one,
        unfamiliarity=trained.unfamiliarity,
        embedding_size=job.embedding_size,
    ).save(fn_args.serving_model_dir)
    write_warmup_requests(
        fn_args.serving_model_dir,
        takes_sound=trained.network is not None,
        embedding_size=job.embedding_size,
    )
    if trained.native is not None:
        extra = os.path.join(fn_args.serving_model_dir, EXTRA_FOLDER)
        trained.native.save_native(extra, job.classes)
    card = _model_card(job, trained, metrics, rule)
    write_model_card(fn_args.serving_model_dir, card)


def calibration_of(job: TrainingJob, evaluation: ScoredSplit) -> Calibration | None:
    """Fits a model's calibration to its eval clips; None if it has none, or it does not help."""
    if not job.model.calibrate:
        return None
    truth = one_hot(evaluation.targets, len(job.classes)) > 0
    return fit_calibration(truth, evaluation.scores, multi_label=job.multi_label)


def rule_of(job: TrainingJob, targets: np.ndarray, scores: np.ndarray) -> DecisionRule:
    """Chooses a model's rule by its eval clips; see `ScoredSplit` for their targets and scores."""
    if not job.multi_label:
        return DecisionRule()
    at_most_one = job.model.task == "open_set"
    return choose_rule(targets, scores, job.target_precision, at_most_one=at_most_one)


def _calibrated(trained: TrainedModel, calibration: Calibration) -> TrainedModel:
    splits = {
        name: replace(split, scores=calibration(tf.constant(split.scores)).numpy())
        for name, split in trained.splits.items()
    }
    return replace(
        trained,
        head=CalibratedHead(trained.head, calibration),
        splits=splits,
        card={"calibration": asdict(calibration), **trained.card},
    )


def _model_card(
    job: TrainingJob,
    trained: TrainedModel,
    metrics: dict[str, dict[str, float]],
    rule: DecisionRule,
) -> dict[str, Any]:
    return {
        "classes": job.classes,
        "name": job.model.title,
        "head": job.model.head,
        "features": job.model.features,
        "task": job.model.task,
        **rule.card(job.classes),
        "hop_seconds": job.features.front_end.hop_samples / SAMPLE_RATE,
        "max_seconds": job.max_clip_samples / SAMPLE_RATE,
        "unfamiliarity": trained.unfamiliarity is not None,
        "embedded": job.embedding_size is not None,
        "embedding_size": job.embedding_size,
        "parameters": trained.parameters,
        "trainable_parameters": trained.trainable_parameters,
        **asdict(trained.origin),
        "clips": {name: len(split.targets) for name, split in trained.splits.items()},
        "metrics": metrics,
        "calibration": None,
        "learned_from": trained.native.learned_from if trained.native else None,
        "ensemble": None,
        **trained.card,
        # TensorFlow's package has several names (tensorflow-cpu); its module has one.
        "versions": {"tensorflow": tf.__version__}
        | {name: version(name) for name in _PACKAGES}
        | (trained.native.libraries if trained.native else {}),
    }
