"""What happens after every epoch of a training: curves, the best weights, and a backup."""

import json
import math
import os

import keras
import numpy as np
import tensorflow as tf

from schema.config.model_settings import TrainSettings
from vggish.errors import ConfigError
from vggish.progress import Progress

_EVAL_PREFIX = "val_"


class Backup:
    """The state of a training after its last whole epoch, on disk.

    Args:
        model: Compiled, with its optimizer built.
        best: The best weights so far.
        folder: Where to.
    """

    def __init__(self, model: keras.Model, best: list[tf.Variable], folder: str):
        self._history = tf.Variable("{}")
        state = [v.value for v in (*model.variables, *model.optimizer.variables)]
        self._manager = tf.train.CheckpointManager(
            tf.train.Checkpoint(state=state, best=best, history=self._history),
            folder,
            max_to_keep=1,
        )

    def restore(self) -> dict[str, list[float]]:
        """Sets everything to what was saved last, if anything was; returns the curves."""
        self._manager.restore_or_initialize()
        return json.loads(self._history.numpy())

    def save(self, history: dict[str, list[float]]) -> None:
        """Takes the place of what was saved before, as soon as all of it is written."""
        self._history.assign(json.dumps(history))
        self._manager.save()


class Scalars:
    """Curves by epoch for TensorBoard, in the runs `train` and `eval`.

    Args:
        folder: Where to; the runs that are there make way.
    """

    def __init__(self, folder: str):
        self._writers = {}
        for run in ("train", "eval"):
            path = os.path.join(folder, run)
            if tf.io.gfile.exists(path):
                tf.io.gfile.rmtree(path)
            self._writers[run] = tf.summary.create_file_writer(path)

    def write(self, history: dict[str, list[float]], first_epoch: int = 0) -> None:
        """Writes the epochs from `first_epoch` on."""
        for name, values in history.items():
            run = "eval" if name.startswith(_EVAL_PREFIX) else "train"
            with self._writers[run].as_default():
                for epoch, value in enumerate(values[first_epoch:], start=first_epoch):
                    tf.summary.scalar(name.removeprefix(_EVAL_PREFIX), value, step=epoch)
        for writer in self._writers.values():
            writer.flush()  # Who watches wants to see every epoch as it ends.


def is_over(history: dict[str, list[float]], settings: TrainSettings) -> bool:
    """Tells from the curves so far whether to stop: at the last epoch, or out of patience."""
    losses = history.get("val_loss", [])
    if settings.schedule == "one_cycle" or not losses:
        return len(losses) >= settings.epochs
    waited = len(losses) - 1 - int(np.argmin(losses))
    return len(losses) >= settings.epochs or waited >= settings.patience


class Epochs(keras.callbacks.Callback):
    """Keeps the curves and the weights of the lowest eval loss, and stops the training.

    Args:
        settings: When to stop.
        history: The curves so far, to which every epoch is added.
        best: Takes the weights of the lowest eval loss.
        backup: Where everything goes after every epoch, if anywhere.
        scalars: Where the curves go.
    """

    def __init__(
        self,
        settings: TrainSettings,
        history: dict[str, list[float]],
        best: list[tf.Variable],
        backup: Backup | None,
        scalars: Scalars | None,
    ):
        super().__init__()
        self._settings = settings
        self._history = history
        self._best = best
        self._backup = backup
        self._scalars = scalars
        self._progress = Progress("epochs", settings.epochs)

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Called by Keras."""
        del logs
        done = len(self._history.get("loss", []))
        if done:
            self._progress.advance(done)
        if self._scalars is not None:
            self._scalars.write(self._history)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Called by Keras."""
        values = {**(logs or {}), "learning_rate": self.model.optimizer.learning_rate}
        for name, value in values.items():
            self._history.setdefault(name, []).append(float(value))
        losses = self._history["val_loss"]
        if not (math.isfinite(losses[-1]) and math.isfinite(self._history["loss"][-1])):
            raise ConfigError(
                f"The loss was no finite number after epoch {epoch + 1}; "
                "set train.learning_rate lower."
            )
        if int(np.argmin(losses)) == epoch:
            for kept, weight in zip(self._best, self.model.weights, strict=True):
                kept.assign(weight)
        if self._scalars is not None:
            self._scalars.write(self._history, epoch)
        if self._backup is not None:
            self._backup.save(self._history)
        self.model.stop_training = is_over(self._history, self._settings)
        self._progress.advance()
