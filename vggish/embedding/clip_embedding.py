"""The features of one clip, as files of embeddings hold them."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ClipEmbedding:
    """The features of one clip.

    Attributes:
        fname: Name of the file.
        label: Class of the file, or None without labels.
        duration: Length of the source in seconds.
        real_frames: Number of 10 ms frames that are not padding.
        vectors: Features [windows, size], float32 or uint8.
    """

    fname: str
    label: str | None
    duration: float
    real_frames: int
    vectors: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        """The average over the windows, float32 [size]."""
        average: np.ndarray = self.vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
        return average
