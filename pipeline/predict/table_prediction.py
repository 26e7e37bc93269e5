"""Predictions of a model for the clips of tables of embeddings."""

import itertools
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import tensorflow as tf

from components.audio_example_gen.sources.embedding_tables.clip_reading import OpenClips
from pipeline.predict.clip_prediction import (
    Answer,
    Prediction,
    Refusal,
    answer_from,
    to_prediction,
)
from pipeline.predict.inputs import find_pushed_model
from schema.config.source_settings import TableSettings
from vggish.errors import ConfigError

_CLIPS_A_BATCH = 64

EmbeddingModel = Callable[[list[np.ndarray]], list[Answer | Refusal]]
"""From clips, each float32 [n, D], to one answer or refusal per clip."""


def load_embedding_model(folder: str) -> tuple[EmbeddingModel, int]:
    """Loads a pushed model that takes embeddings.

    Args:
        folder: As for `find_pushed_model`.

    Returns:
        The model, and the numbers of an embedding, D.

    Raises:
        ConfigError: The folder does not hold a pushed model, or one that takes sound alone.
    """
    path = find_pushed_model(folder)
    model = tf.saved_model.load(path)
    signature = model.signatures.get("embeddings")
    if signature is None:
        raise ConfigError(f"The model in {path} takes sound, not embeddings; name sounds.")
    size = signature.structured_input_signature[1]["embeddings"].shape[-1]

    def answer(clips: list[np.ndarray]) -> list[Answer | Refusal]:
        filled = np.full([len(clips), max(map(len, clips)), size], np.nan, np.float32)
        for row, windows in zip(filled, clips, strict=True):
            row[: len(windows)] = windows
        outputs = model.signatures["embeddings"](embeddings=tf.constant(filled))
        columns = {name: output.numpy().tolist() for name, output in outputs.items()}
        return [
            answer_from({name: column[i] for name, column in columns.items()})
            for i in range(len(clips))
        ]

    return answer, size


def predict_tables(tables: Iterable[str], model: EmbeddingModel, size: int) -> Iterator[Prediction]:
    """Yields a prediction for each clip, in the order of the tables and of their rows.

    Only a batch of clips is in memory. A column of labels is not needed.

    Args:
        tables: Paths of the tables.
        model: The model.
        size: The numbers of an embedding that it takes.

    Yields:
        One prediction per clip, with an error if its rows have a fault.

    Raises:
        DataSetError: A table cannot be read.
        ConfigError: A table's vectors have another size.
    """
    clips = itertools.chain.from_iterable(_clips(table, size) for table in tables)
    for batch in itertools.batched(clips, _CLIPS_A_BATCH):
        good = [windows for _, windows in batch if not isinstance(windows, Refusal)]
        answers = iter(model(good) if good else [])
        for name, windows in batch:
            yield to_prediction(name, windows if isinstance(windows, Refusal) else next(answers))


def _clips(path: str, size: int) -> Iterator[tuple[str, np.ndarray | Refusal]]:
    opened = OpenClips(path, path, TableSettings(file=path), labelled=False)
    if opened.size != size:
        raise ConfigError(
            f"The embeddings in {path} have {opened.size} numbers, but the model takes {size}; "
            "take those of the network and layer that it learned from."
        )
    for said, found in zip(opened.rows.clips(None), opened.vectors(), strict=True):
        refused = said.refused or found.refused
        if refused:
            yield said.clip_id, Refusal(f"{refused.reason}: {refused.detail}")
        else:
            yield said.clip_id, found.windows
