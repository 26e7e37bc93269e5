"""What a training keeps after every epoch: curves, the best weights, and a backup."""

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


class _SavedCurves(tf.train.experimental.PythonState):
    """The curves of a training in a checkpoint."""

    def __init__(self) -> None:
        self.history: dict[str, list[float]] = {}

    def serialize(self) -> str:
        """Called by TensorFlow."""
        return json.dumps(self.history)

    def deserialize(self, string_value: bytes) -> None:
        """Called by TensorFlow."""
        self.history = json.loads(string_value)


class TrainingBackup:
    """A backup on disk of a training's state after its last complete epoch.

    Args:
        model: The model.
        optimizer: Its optimizer, which is built.
        best: Best weights so far.
        folder: Folder of the backup.
    """

    def __init__(
        self,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        best: list[tf.Variable],
        folder: str,
    ):
        self._curves = _SavedCurves()
        state = [v.value for v in (*model.variables, *optimizer.variables)]
        checkpoint = tf.train.Checkpoint(state=state, best=best, curves=self._curves)
        # One of several processes saves, but all of them together create every variable.
        checkpoint.save_counter.assign(0)
        self._manager = tf.train.CheckpointManager(checkpoint, folder, max_to_keep=1)

    def restore(self) -> dict[str, list[float]]:
        """Restores the last backup, if there is one; returns the curves."""
        self._manager.restore_or_initialize()
        return self._curves.history

    def save(self, history: dict[str, list[float]]) -> None:
        """Writes a backup, then deletes the one before."""
        self._curves.history = history
        self._manager.save()


class TensorBoardCurves:
    """Curves by epoch for TensorBoard, in the runs `train` and `eval`.

    Args:
        folder: Folder of the runs; runs that exist there are deleted.
    """

    def __init__(self, folder: str):
        self._writers = {}
        for run in ("train", "eval"):
            path = os.path.join(folder, run)
            if tf.io.gfile.exists(path):
                tf.io.gfile.rmtree(path)
            self._writers[run] = tf.summary.create_file_writer(path)

    def write(self, history: dict[str, list[float]], first_epoch: int = 0) -> None:
        """Writes all epochs from `first_epoch`."""
        for name, values in history.items():
            run = "eval" if name.startswith(_EVAL_PREFIX) else "train"
            with self._writers[run].as_default():
                for epoch, value in enumerate(values[first_epoch:], start=first_epoch):
                    tf.summary.scalar(name.removeprefix(_EVAL_PREFIX), value, step=epoch)
        for writer in self._writers.values():
            writer.flush()  # TensorBoard shows every epoch as it ends.


def training_is_over(history: dict[str, list[float]], settings: TrainSettings) -> bool:
    """Tells from the curves whether to stop: after the last epoch, or out of patience."""
    losses = history.get("val_loss", [])
    if settings.schedule == "one_cycle" or not losses:
        return len(losses) >= settings.epochs
    waited = len(losses) - 1 - int(np.argmin(losses))
    return len(losses) >= settings.epochs or waited >= settings.patience


class EpochRecord:
    """Keeps the curves and the weights of the lowest eval loss, and shows the progress.

    Args:
        settings: Settings of the training.
        history: Curves so far; every epoch is appended.
        best: Variables that receive the weights of the lowest eval loss.
        backup: Backup that is written after every epoch, if any.
        scalars: TensorBoard's curves, if wanted.
    """

    def __init__(
        self,
        settings: TrainSettings,
        history: dict[str, list[float]],
        best: list[tf.Variable],
        backup: TrainingBackup | None,
        scalars: TensorBoardCurves | None,
    ):
        self._history = history
        self._best = best
        self._backup = backup
        self._scalars = scalars
        self._progress = Progress("epochs", settings.epochs)
        done = len(history.get("loss", []))
        if done:
            self._progress.advance(done)
        if scalars is not None:
            scalars.write(history)

    def end_epoch(
        self,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        learned: dict[str, float],
        measured: dict[str, float],
    ) -> None:
        """Keeps what an epoch brought.

        Args:
            model: The model after the epoch.
            optimizer: Its optimizer, for the curve of its learning rate.
            learned: The loss and the metrics of the training clips.
            measured: Those of the eval clips.

        Raises:
            ConfigError: The loss is not finite.
        """
        epoch = len(self._history.get("loss", []))
        values = {
            **learned,
            **{_EVAL_PREFIX + name: value for name, value in measured.items()},
            "learning_rate": float(keras.ops.convert_to_numpy(optimizer.learning_rate)),
        }
        for name, value in values.items():
            self._history.setdefault(name, []).append(value)
        losses = self._history["val_loss"]
        if not (math.isfinite(losses[-1]) and math.isfinite(learned["loss"])):
            raise ConfigError(
                f"The loss was not finite after epoch {epoch + 1}; set train.learning_rate lower."
            )
        if int(np.argmin(losses)) == epoch:
            for kept, weight in zip(self._best, model.weights, strict=True):
                kept.assign(weight)
        if self._scalars is not None:
            self._scalars.write(self._history, epoch)
        if self._backup is not None:
            self._backup.save(self._history)
        self._progress.advance()
