"""Predictions of a model for sound files."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from pipeline.predict.inputs import find_pushed_model
from schema.clip_examples import PCM
from schema.model_card import read_model_card
from vggish.audio import decoding
from vggish.audio.sound_files import printable_name
from vggish.errors import AudioError, ConfigError
from vggish.example_features import bytes_feature, serialized_example
from vggish.params import WINDOW_HOP_SAMPLES

_WINDOWS_A_BATCH = 64


@dataclass(frozen=True)
class Answer:
    """The scores of a model for one clip.

    Attributes:
        label: The class with the highest score.
        classes: The class names.
        scores: The score of each class.
        decisions: Whether each class is a label of the clip.
    """

    label: str
    classes: list[str]
    scores: list[float]
    decisions: list[bool]


@dataclass(frozen=True)
class Refusal:
    """The reason why a model gives no answer for a clip."""

    reason: str


ClipModel = Callable[[list[np.ndarray]], list[Answer | Refusal]]
"""From clips, each float32 [n] at 16 kHz in [-1, 1], to one answer or refusal per clip."""


@dataclass(frozen=True)
class Prediction:
    """The prediction for one file.

    Attributes:
        clip: The file's name, as given.
        label: The class with the highest score; None if there is no answer.
        labels: The labels of the file: the top class or, for a model with several labels per clip,
            all classes that reach their thresholds.
        scores: The score of every class, the highest first.
        error: The reason why there is no answer, or None.
    """

    clip: str
    label: str | None
    labels: list[str]
    scores: dict[str, float]
    error: str | None = None


def load_pushed_model(folder: str) -> ClipModel:
    """Loads a model that the pipeline pushed.

    Args:
        folder: As for `pushed_models.find_pushed_model`.

    Returns:
        The model.

    Raises:
        ConfigError: The folder does not hold a pushed model, or one that takes embeddings alone.
    """
    model = find_pushed_model(folder)
    signatures = tf.saved_model.load(model).signatures
    if "waveform" not in signatures:
        raise ConfigError(
            f"The model in {model} takes embeddings, no sound; name tables of embeddings."
        )
    # The signature `examples` has no limit on length, but needs embeddings if the model does.
    if read_model_card(model)["embedded"]:
        return lambda clips: [_answer_waveform(signatures["waveform"], clip) for clip in clips]
    return lambda clips: _answer_examples(signatures["examples"], clips)


def _answer_examples(signature: Any, clips: list[np.ndarray]) -> list[Answer | Refusal]:
    examples = [
        serialized_example({PCM: bytes_feature([decoding.pcm16_from_samples(clip)])})
        for clip in clips
    ]
    outputs = signature(examples=tf.constant(examples))
    columns = {name: output.numpy().tolist() for name, output in outputs.items()}
    return [
        answer_from({name: column[i] for name, column in columns.items()})
        for i in range(len(clips))
    ]


def _answer_waveform(signature: Any, clip: np.ndarray) -> Answer | Refusal:
    # The pipeline stores samples in 16 bits.
    samples = decoding.samples_from_pcm16(decoding.pcm16_from_samples(clip))
    try:
        outputs = signature(waveform=tf.constant(samples[None]))
    except tf.errors.InvalidArgumentError as error:
        return Refusal(error.message)
    return answer_from({name: output.numpy()[0].tolist() for name, output in outputs.items()})


def answer_from(outputs: dict[str, Any]) -> Answer | Refusal:
    """Reads the outputs of a served signature for one clip; text may be bytes."""
    error, label, *classes = [
        text.decode() if isinstance(text, bytes) else text
        # Models that were pushed by earlier versions have no `error`.
        for text in [outputs.get("error", ""), outputs["label"], *outputs["labels"]]
    ]
    if error:
        return Refusal(error)
    return Answer(label, classes, outputs["scores"], outputs["decisions"])


def predict_files(files: Iterable[Path], model: ClipModel) -> Iterator[Prediction]:
    """Yields a prediction for each file, in their order.

    Files are decoded as on ingestion, so any format and rate will do. Only a few at a time are in
    memory.

    Args:
        files: The paths.
        model: A model from `load_pushed_model` or `connect_to_server`.

    Yields:
        One prediction per file, with an error if the file is not a sound or the model refuses it.
    """
    for batch in _batches(map(_decode, files)):
        clips = [sound for _, sound in batch if not isinstance(sound, Refusal)]
        answers = iter(model(clips) if clips else [])
        for name, sound in batch:
            yield to_prediction(name, sound if isinstance(sound, Refusal) else next(answers))


def _decode(file: Path) -> tuple[str, np.ndarray | Refusal]:
    try:
        return printable_name(file), decoding.decode(file).samples
    except AudioError as error:
        return printable_name(file), Refusal(f"{error.reason}: {error}")


def _batches(
    sounds: Iterable[tuple[str, np.ndarray | Refusal]],
) -> Iterator[list[tuple[str, np.ndarray | Refusal]]]:
    batch: list[tuple[str, np.ndarray | Refusal]] = []
    windows = 0
    for name, sound in sounds:
        batch.append((name, sound))
        windows += 1 if isinstance(sound, Refusal) else 1 + len(sound) // WINDOW_HOP_SAMPLES
        if windows >= _WINDOWS_A_BATCH:
            yield batch
            batch, windows = [], 0
    if batch:
        yield batch


def to_prediction(name: str, answer: Answer | Refusal) -> Prediction:
    """Returns a model's answer for a sound with the sound's name."""
    if isinstance(answer, Refusal):
        return Prediction(name, None, [], {}, answer.reason)
    ranked = sorted(
        zip(answer.scores, answer.classes, answer.decisions, strict=True),
        key=lambda one: (-one[0], one[1]),
    )
    return Prediction(
        name,
        answer.label,
        [label for _, label, decided in ranked if decided],
        {label: round(score, 6) for score, label, _ in ranked},
    )
