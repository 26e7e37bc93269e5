"""Predictions of a model for sound files."""

import collections
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from pipeline.predict.inputs import find_pushed_model
from schema.clip_examples import EMBEDDING
from schema.model_card import read_model_card
from vggish.audio import decoding
from vggish.audio.sound_files import printable_name
from vggish.audio.stretches import decode_in_stretches, window_stretches
from vggish.embedding.embedder import embed_in_batches
from vggish.errors import AudioError, ConfigError
from vggish.networks.log_mel import windows_from_waveform
from vggish.networks.network import FrontEnd
from vggish.networks.network_table import find_network
from vggish.networks.window_batches import WINDOWS_A_BATCH
from vggish.params import SAMPLE_RATE, WINDOW_SAMPLES


@dataclass(frozen=True)
class Answer:
    """The scores of a model for one clip.

    Attributes:
        label: The class with the highest score; empty if the clip is of none.
        classes: The class names.
        scores: The score of each class.
        decisions: Whether each class is a label of the clip.
        unfamiliarity: How far the clip is from the training clips; None if the model does not tell.
    """

    label: str
    classes: list[str]
    scores: list[float]
    decisions: list[bool]
    unfamiliarity: float | None = None


@dataclass(frozen=True)
class Refusal:
    """The reason why a model gives no answer for a clip."""

    reason: str


Sounds = Iterable[tuple[str, Iterable[np.ndarray]]]
"""The name of each sound, and its samples in order: float32 [n] at 16 kHz in [-1, 1].

Their iterator raises AudioError if the sound is refused."""

ClipModel = Callable[[Sounds], Iterator[tuple[str, Answer | Refusal]]]
"""From sounds to the name of each, and an answer or a refusal, in their order."""


@dataclass(frozen=True)
class Prediction:
    """The prediction for one file.

    Attributes:
        clip: The file's name, as given.
        label: The class with the highest score; None if there is no answer, or the model says that
            the file is of none of its classes.
        labels: The labels of the file: the top class or, for a model with several labels per clip,
            all classes that reach their thresholds.
        scores: The score of every class, the highest first.
        unfamiliarity: How far the file is from the training clips; None if the model does not tell.
        error: The reason why there is no answer, or None.
    """

    clip: str
    label: str | None
    labels: list[str]
    scores: dict[str, float]
    unfamiliarity: float | None = None
    error: str | None = None


def load_pushed_model(folder: str) -> ClipModel:
    """Loads a model that the pipeline pushed.

    Args:
        folder: As for `pushed_models.find_pushed_model`.

    Returns:
        The model. It hears sounds of any length in stretches, and keeps their features only. One
        that an earlier version pushed hears each sound as a whole.

    Raises:
        ConfigError: The folder does not hold a pushed model, or one that takes embeddings alone.
    """
    path = find_pushed_model(folder)
    model = tf.saved_model.load(path)
    if "waveform" not in model.signatures:
        raise ConfigError(
            f"The model in {path} takes embeddings, no sound; name tables of embeddings."
        )
    if "embed_windows" not in model.signatures:
        return partial(_answer_as_a_whole, model)
    card = read_model_card(path)
    own = find_network(card["network"]).front_end
    hop_samples = round(card["hop_seconds"] * SAMPLE_RATE)
    return _PushedModel(model, replace(own, hop_samples=hop_samples)).answers


def _answer_as_a_whole(model: Any, sounds: Sounds) -> Iterator[tuple[str, Answer | Refusal]]:
    for name, blocks in sounds:
        try:
            # The pipeline stores samples in 16 bits.
            pcm = b"".join(map(decoding.pcm16_from_samples, blocks))
            samples = decoding.samples_from_pcm16(pcm)
            outputs = model.signatures["waveform"](waveform=tf.constant(samples[None]))
        except AudioError as error:
            yield name, Refusal(f"{error.reason}: {error}")
        except tf.errors.InvalidArgumentError as error:
            yield name, Refusal(error.message)
        else:
            yield name, _answer_of(outputs)


def _answer_of(outputs: dict[str, tf.Tensor]) -> Answer | Refusal:
    return answer_from({name: output.numpy().tolist()[0] for name, output in outputs.items()})


class _Heard:
    """A sound that is heard in stretches, and the features of those that were computed."""

    def __init__(self, name: str):
        self.name = name
        self.is_whole = False
        self.refusal: Refusal | None = None
        self.parts: list[np.ndarray] = []


class _PushedModel:
    """A loaded model."""

    def __init__(self, model: Any, front_end: FrontEnd):
        self._model = model  # TensorFlow drops the variables of a model that nothing holds.
        self._front_end = front_end
        embed_windows = model.signatures["embed_windows"]
        self._size = embed_windows.structured_outputs[EMBEDDING].shape[-1]

    def answers(self, sounds: Sounds) -> Iterator[tuple[str, Answer | Refusal]]:
        """Yields an answer or a refusal of each sound."""
        waiting: collections.deque[_Heard] = collections.deque()
        embedded = embed_in_batches(
            self._stretches(sounds, waiting), self._cut, self._embed, self._size
        )
        for (heard, is_last), features in embedded:
            heard.parts.append(features)
            heard.is_whole = is_last
            yield from self._answered(waiting)
        yield from self._answered(waiting)

    def _stretches(
        self, sounds: Sounds, waiting: collections.deque[_Heard]
    ) -> Iterator[tuple[tuple[_Heard, bool], np.ndarray]]:
        hop = self._front_end.hop_samples
        for name, blocks in sounds:
            heard = _Heard(name)
            waiting.append(heard)
            try:
                for stretch, is_last in window_stretches(
                    blocks, WINDOW_SAMPLES, hop, WINDOWS_A_BATCH
                ):
                    # The pipeline stores samples in 16 bits.
                    pcm = decoding.pcm16_from_samples(stretch)
                    yield (heard, is_last), decoding.samples_from_pcm16(pcm)
            except AudioError as error:
                heard.refusal = Refusal(f"{error.reason}: {error}")

    def _cut(self, samples: np.ndarray) -> tf.Tensor:
        return windows_from_waveform(tf.constant(samples[None]), front_end=self._front_end).values

    def _embed(self, windows: tf.Tensor) -> tf.Tensor:
        return self._model.signatures["embed_windows"](windows=windows)[EMBEDDING]

    def _answered(
        self, waiting: collections.deque[_Heard]
    ) -> Iterator[tuple[str, Answer | Refusal]]:
        """Yields the answers of the sounds that are whole, and were given first."""
        while waiting and (waiting[0].is_whole or waiting[0].refusal):
            heard = waiting.popleft()
            yield heard.name, heard.refusal or self._answer(np.concatenate(heard.parts))

    def _answer(self, features: np.ndarray) -> Answer | Refusal:
        return _answer_of(self._model.signatures["embeddings"](tf.constant(features[np.newaxis])))


def answer_from(outputs: dict[str, Any]) -> Answer | Refusal:
    """Reads the outputs of a served signature for one clip; text may be bytes."""
    error, label, *classes = [
        text.decode() if isinstance(text, bytes) else text
        # Models that were pushed by earlier versions have no `error`.
        for text in [outputs.get("error", ""), outputs["label"], *outputs["labels"]]
    ]
    if error:
        return Refusal(error)
    told = outputs.get("unfamiliarity")  # A server's is a number of NumPy.
    told = None if told is None else float(told)
    return Answer(label, classes, outputs["scores"], outputs["decisions"], told)


def predict_files(files: Iterable[Path], model: ClipModel) -> Iterator[Prediction]:
    """Yields a prediction for each file, in their order.

    Files are decoded as on ingestion, so any format and rate will do, a stretch at a time.

    Args:
        files: The paths.
        model: A model from `load_pushed_model` or `connect_to_server`.

    Yields:
        One prediction per file, with an error if the file is not a sound or the model refuses it.
    """
    sounds = ((printable_name(file), decode_in_stretches(file)) for file in files)
    for name, answer in model(sounds):
        yield to_prediction(name, answer)


def to_prediction(name: str, answer: Answer | Refusal) -> Prediction:
    """Returns a model's answer for a sound with the sound's name."""
    if isinstance(answer, Refusal):
        return Prediction(name, None, [], {}, error=answer.reason)
    ranked = sorted(
        zip(answer.scores, answer.classes, answer.decisions, strict=True),
        key=lambda one: (-one[0], one[1]),
    )
    return Prediction(
        name,
        answer.label or None,
        [label for _, label, decided in ranked if decided],
        {label: round(score, 6) for score, label, _ in ranked},
        answer.unfamiliarity and round(answer.unfamiliarity, 6),
    )
