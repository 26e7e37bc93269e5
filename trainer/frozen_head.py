"""The `run_fn` that trains a head on cached embeddings of the frozen VGGish."""

import json
import math
import os
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
from tfx.components.trainer.fn_args_utils import FnArgs

from trainer.classical.fit import ClassicalHead, FittedHead, fit_head
from trainer.embedded_clips import EmbeddedClips, load_embedded_clips
from trainer.export import ServedClassifier
from trainer.heads import build_dense_head
from trainer.lwlrap import lwlrap
from trainer.settings import ModelSettings, TrainSettings
from vggish import clip_examples
from vggish.features import feature_size
from vggish.imported_weights import read_imported_weights
from vggish.model_card import EXTRA_FOLDER, write_model_card
from vggish.progress import Progress
from vggish.settings import FeatureSettings

HISTORY_FILE = "history.json"
"""What `model_run` holds: the curves by epoch, and the final metrics by split."""

_CLIPS_A_BATCH = 256


def run_fn(fn_args: FnArgs) -> None:
    """Trains the head, stitches it onto the network it learned from, and exports the whole.

    Args:
        fn_args: TFX's. `custom_config` holds the sections `model`, `train` and `features`, and
            whether the clips came `embedded`; `base_model` the weights.
    """
    model = ModelSettings.model_validate(fn_args.custom_config["model"])
    train = TrainSettings.model_validate(fn_args.custom_config["train"])
    features = FeatureSettings.model_validate(fn_args.custom_config["features"])
    vocabulary = tft.TFTransformOutput(fn_args.transform_output).vocabulary_by_name(
        clip_examples.LABEL_VOCABULARY
    )
    classes = [name.decode() for name in vocabulary]
    size = feature_size(model.features)
    multi_label = model.task == "multi_label"
    train_clips, eval_clips = (
        load_embedded_clips(files, size, len(classes), multi_label=multi_label)
        for files in (fn_args.train_files, fn_args.eval_files)
    )

    head = _train_head(model, train, classes, train_clips, eval_clips)
    final = {
        "train": _evaluate(head.scores, train_clips),
        "eval": _evaluate(head.scores, eval_clips),
    }
    _write_json(
        os.path.join(fn_args.model_run_dir, HISTORY_FILE),
        {"history": head.history, "metrics": final},
    )
    weights = read_imported_weights(fn_args.base_model)
    network = weights.build_features(model.features)
    ServedClassifier(
        network,
        head.scores,
        classes,
        features.hop_samples,
        multi_label=multi_label,
        embedded=fn_args.custom_config["embedded"],
    ).save(fn_args.serving_model_dir)
    if head.native is not None:
        head.native.save_native(os.path.join(fn_args.serving_model_dir, EXTRA_FOLDER), classes)
    write_model_card(
        fn_args.serving_model_dir,
        {
            "classes": classes,
            "head": model.head,
            "features": model.features,
            "task": model.task,
            "hop_seconds": features.hop_seconds,
            "parameters": network.count_params() + head.scores.count_params(),
            "trainable_parameters": head.trainable_parameters,
            **asdict(weights.origin),
            "clips": {"train": len(train_clips.targets), "eval": len(eval_clips.targets)},
            "metrics": final,
            "versions": {
                name: version(name) for name in ("vggish-tfx", "tensorflow", "keras", "tfx")
            }
            | head.libraries,
        },
    )


@dataclass(frozen=True)
class _TrainedHead:
    """A head of any kind.

    Attributes:
        scores: From pooled features to scores.
        trainable_parameters: How many numbers were learned.
        history: Curves by epoch or boosting round, where there are any.
        native: What another library than Keras fitted.
    """

    scores: keras.Model | ClassicalHead
    trainable_parameters: int
    history: dict[str, list[float]]
    native: FittedHead | None = None

    @property
    def libraries(self) -> dict[str, str]:
        """The versions of other libraries than Keras."""
        return {} if self.native is None else self.native.libraries


def _train_head(
    model: ModelSettings,
    train: TrainSettings,
    classes: list[str],
    train_clips: EmbeddedClips,
    eval_clips: EmbeddedClips,
) -> _TrainedHead:
    if model.head == "dense":
        dense, history = _train(model, train, len(classes), train_clips, eval_clips)
        return _TrainedHead(dense, _count(dense.trainable_weights), history)
    settings = getattr(model, model.head)
    fitted = fit_head(settings, classes, train_clips, eval_clips, train.seed)
    scores = fitted.lowered
    return _TrainedHead(scores, scores.count_params(), fitted.history, fitted)


class _LogEpochs(keras.callbacks.Callback):
    """Tells how far the training is."""

    def __init__(self, epochs: int):
        super().__init__()
        self._progress = Progress("epochs", epochs)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Called by Keras."""
        del epoch, logs
        self._progress.advance()


def _train(
    model: ModelSettings,
    train: TrainSettings,
    classes: int,
    train_clips: EmbeddedClips,
    eval_clips: EmbeddedClips,
) -> tuple[keras.Model, dict[str, list[float]]]:
    """Fits the head; returns it as it was at its lowest eval loss, and the curves by epoch."""
    keras.utils.set_random_seed(train.seed)
    head = build_dense_head(model, classes, train_clips.pooled)
    multi_label = model.task == "multi_label"
    head.compile(
        keras.optimizers.Adam(train.learning_rate),
        loss="binary_crossentropy" if multi_label else "sparse_categorical_crossentropy",
        metrics=[] if multi_label else ["accuracy"],
    )
    history = head.fit(
        train_clips.pooled,
        train_clips.targets,
        batch_size=train.batch_size,
        epochs=train.epochs,
        validation_data=(eval_clips.pooled, eval_clips.targets),
        callbacks=[
            keras.callbacks.EarlyStopping(patience=train.patience, restore_best_weights=True),
            _LogEpochs(train.epochs),
        ],
        verbose=0,
    )
    return head, {name: [float(v) for v in values] for name, values in history.history.items()}


def _evaluate(head: keras.Model | ClassicalHead, clips: EmbeddedClips) -> dict[str, float]:
    """Measures any head alike, by its scores."""
    starts = range(0, len(clips.targets), _CLIPS_A_BATCH)
    scores = np.concatenate([head(clips.pooled[i : i + _CLIPS_A_BATCH]).numpy() for i in starts])
    if clips.targets.ndim > 1:
        loss = keras.losses.binary_crossentropy(clips.targets, scores)
        quality = {"lwlrap": lwlrap(clips.targets, scores)}
    else:
        loss = keras.losses.sparse_categorical_crossentropy(clips.targets, scores)
        quality = {"accuracy": float((scores.argmax(axis=1) == clips.targets).mean())}
    return {"loss": float(np.mean(loss)), **quality}


def _count(weights: list[keras.Variable]) -> int:
    return sum(math.prod(weight.shape) for weight in weights)


def _write_json(path: str, value: dict[str, Any]) -> None:
    tf.io.gfile.makedirs(os.path.dirname(path))
    with tf.io.gfile.GFile(path, "w") as file:
        file.write(json.dumps(value))
