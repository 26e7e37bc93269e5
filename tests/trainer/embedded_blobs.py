"""Embedded clips of classes that lie apart."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from schema.embedded_clips import to_table

CLASSES = ["cat", "dog", "rain"]
SIZE = 5
CENTRES = 3 * np.random.default_rng(0).normal(size=[len(CLASSES), SIZE])


def write_clips(path: Path, clips: int, seed: int, background: int = 0) -> list[np.ndarray]:
    """Writes clips of one to three windows, as EmbeddingExporter does; returns their windows.

    The last ones, background, have no label, and are far from every class.
    """
    rng = np.random.default_rng(seed)
    labels = [i % len(CLASSES) for i in range(clips - background)] + [-1] * background
    lengths = rng.integers(1, 4, clips)
    centres = [*CENTRES, -2 * CENTRES.sum(axis=0)]
    windows = np.concatenate(
        [centres[k] + rng.normal(size=[n, SIZE]) for k, n in zip(labels, lengths, strict=True)]
    ).astype(np.float32)
    names = [f"{path.stem}{i:03}" for i in range(clips)]
    ids = [[k] if k >= 0 else [] for k in labels]
    table = to_table(names, [[CLASSES[k] for k in of] for of in ids], ids, lengths, windows)
    pq.write_table(table, path)
    return np.split(windows, np.cumsum(lengths)[:-1])
