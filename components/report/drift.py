"""How far the splits are from the training split, as a sign of drift."""

from typing import TypedDict

from tfx.types import artifact_utils
from tfx.types.artifact import Artifact

from schema.embedded_clips import window_statistics
from vggish.distances.frechet import frechet_distance
from vggish.distances.gaussian import Gaussian


class SplitDistance(TypedDict):
    """A split's windows, and their Frechet distance from those of the training split.

    `distance` is None if a split has too few windows for the number of features.
    """

    windows: int
    distance: float | None


def measure_drift(embeddings: Artifact | None, train: Gaussian | None) -> dict[str, SplitDistance]:
    """Computes the Frechet distance of every split from the training split.

    Args:
        embeddings: EmbeddingExporter's `embeddings`; None if the model embeds by itself.
        train: Statistics of the training split that the model keeps; None if it keeps none.

    Returns:
        The distances by split, without the training split; empty without embeddings or statistics.
    """
    if embeddings is None or train is None:
        return {}
    splits = artifact_utils.decode_split_names(embeddings.split_names)
    statistics = {
        split: window_statistics([f"{artifact_utils.get_split_uri([embeddings], split)}/*"])
        for split in splits
        if split != "train"
    }
    return {split: _distance(train, found) for split, found in statistics.items()}


def _distance(train: Gaussian, found: Gaussian | None) -> SplitDistance:
    distance = None
    if found and train.is_enough and found.is_enough:
        distance = frechet_distance(train, found)
    return SplitDistance(windows=found.count if found else 0, distance=distance)
