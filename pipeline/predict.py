"""Asking a pushed model what it hears in a file."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vggish import audio
from vggish.errors import AudioError, ConfigError
from vggish.params import SAMPLE_RATE


@dataclass(frozen=True)
class Prediction:
    """What a model says of one file.

    Attributes:
        clip: The file, as it was named.
        label: The class with the highest score; None where the file could not be read.
        scores: The score of every class, the highest first.
        labels: The classes that reach their thresholds, the highest score first, where the model
            gives a clip several labels, or none.
        error: Why there is no score.
    """

    clip: str
    label: str | None
    scores: dict[str, float]
    labels: list[str] | None = None
    error: str | None = None


class Classifier:
    """A SavedModel that the pipeline pushed.

    Args:
        folder: The model's version folder, `serving/<version>`.

    Raises:
        ConfigError: The folder holds no such model.
    """

    def __init__(self, folder: Path):
        if not (folder / "saved_model.pb").is_file():
            raise ConfigError(
                f"{folder} is not a pushed model: it has no saved_model.pb; name a folder such as "
                "runs/NAME/serving/1700000000."
            )
        import tensorflow as tf

        from vggish.model_card import read_model_card
        from vggish.request_limits import longest_clip

        self._tf = tf
        self._model: Any = tf.saved_model.load(str(folder))
        if "waveform" not in self._model.signatures:
            raise ConfigError(f"{folder} is not a model of vggish-tfx: it takes no waveform.")
        card = read_model_card(str(folder))
        self._several = card["task"] == "multi_label"
        hop_samples = round(card["hop_seconds"] * SAMPLE_RATE)
        self._max_seconds = longest_clip(hop_samples) / SAMPLE_RATE

    def predict(self, files: list[str]) -> Iterator[Prediction]:
        """Yields what the model says of each file, in their order.

        Files are decoded as they are on ingestion, so any format and rate will do. Longer ones than
        the model takes in one request are refused.

        Args:
            files: The paths.

        Yields:
            One prediction a file, with the error where the file is refused.
        """
        for file in files:
            try:
                clip = audio.decode(file, max_seconds=self._max_seconds)
            except AudioError as error:
                yield Prediction(file, None, {}, error=f"{error.reason}: {error}")
                continue
            # The samples as the pipeline keeps them, in 16 bits.
            samples = audio.samples_from_pcm16(audio.pcm16_from_samples(clip.samples))
            answer = self._model.signatures["waveform"](waveform=self._tf.constant(samples[None]))
            labels = [label.decode() for label in answer["labels"].numpy()[0]]
            ranked = sorted(
                zip(answer["scores"].numpy()[0].tolist(), labels, strict=True), reverse=True
            )
            scores = {label: round(score, 6) for score, label in ranked}
            decided = dict(zip(labels, answer["decisions"].numpy()[0], strict=True))
            reached = [label for label in scores if decided[label]]
            top = answer["label"].numpy()[0].decode()
            yield Prediction(file, top, scores, reached if self._several else None)
