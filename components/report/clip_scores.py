"""The test clips and the model's scores of them: which are wrong, and what no model would get."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from sklearn.metrics import label_ranking_average_precision_score

from components.report.page import ReliabilityBins, ShownClip
from schema.config.split_settings import SPLITS
from schema.reliability import measure_reliability

MISTAKES_SHOWN = 12
LEAST_SURE_SHOWN = 8
_SCORES_SHOWN = 3


@dataclass(frozen=True)
class ClipScores:
    """The test clips.

    Attributes:
        classes: Class names in the order of the model's scores.
        clip_ids: The clips.
        true: The true classes of each clip.
        predicted: The classes that the model gave it.
        scores: float32 [clips, classes].
        thresholds: The least score of each class for a decision, [classes]; None if the highest
            score decides.
    """

    classes: Sequence[str]
    clip_ids: Sequence[str]
    true: Sequence[list[str]]
    predicted: Sequence[list[str]]
    scores: np.ndarray
    thresholds: np.ndarray | None

    def mistakes(self) -> list[ShownClip]:
        """Returns clips with a wrong decision, those farthest from the truth first."""
        truth, decided = self.matrix(self.true), self.matrix(self.predicted)
        distance = np.where(truth != decided, np.abs(truth - self.scores), -1).max(axis=1)
        worst = np.argsort(-distance, kind="stable")[:MISTAKES_SHOWN]
        return [self._shown(clip) for clip in worst if distance[clip] >= 0]

    def least_sure(self) -> list[ShownClip]:
        """Returns clips with right decisions, those that were closest to others first."""
        truth, decided = self.matrix(self.true), self.matrix(self.predicted)
        if self.thresholds is None:
            two = np.sort(self.scores, axis=1)[:, -2:]
            margin = two[:, 1] - two[:, 0]
        else:
            margin = np.abs(self.scores - self.thresholds).min(axis=1)
        margin = np.where((truth == decided).all(axis=1), margin, np.inf)
        closest = np.argsort(margin, kind="stable")[:LEAST_SURE_SHOWN]
        return [self._shown(clip) for clip in closest if np.isfinite(margin[clip])]

    def majority_score(self, by_label: Mapping[str, Mapping[str, int]]) -> float:
        """Returns the score of a model that ranks classes by their number of train clips.

        Args:
            by_label: Counts of clips by class and then split.

        Returns:
            What `measure` says of it.
        """
        train, *_ = SPLITS
        counts = [by_label.get(name, {}).get(train, 0) for name in self.classes]
        return self.measure(np.tile(counts, [len(self.clip_ids), 1]))

    def measure(self, scores: np.ndarray) -> float:
        """Returns how good another model's scores of these clips are.

        Args:
            scores: [clips, classes]; only their order within a clip counts.

        Returns:
            The accuracy or, if clips have several labels, the lwlrap; NaN without labels.
        """
        truth = self.matrix(self.true)
        if self.thresholds is None:
            return float(truth[np.arange(len(truth)), scores.argmax(axis=1)].mean())
        labelled = truth.any(axis=1)
        if not labelled.any():
            return float("nan")
        # Weighted by labels, this is lwlrap.
        return float(
            label_ranking_average_precision_score(
                truth[labelled], scores[labelled], sample_weight=truth[labelled].sum(axis=1)
            )
        )

    def reliability(self) -> ReliabilityBins:
        """Returns whether the scores mean probabilities."""
        measured = measure_reliability(
            self.matrix(self.true), self.scores, multi_label=self.thresholds is not None
        )
        return ReliabilityBins(
            confidence=measured.confidence.tolist(),
            right=measured.right.tolist(),
            counts=measured.counts.tolist(),
        )

    def of(self, clips: Sequence[int]) -> "ClipScores":
        """Returns some of the clips, by their places."""
        return replace(
            self,
            clip_ids=[self.clip_ids[clip] for clip in clips],
            true=[self.true[clip] for clip in clips],
            predicted=[self.predicted[clip] for clip in clips],
            scores=self.scores[clips],
        )

    def matrix(self, labels: Sequence[list[str]]) -> np.ndarray:
        """Returns which classes are in each clip's labels, bool [clips, classes]."""
        places = {name: place for place, name in enumerate(self.classes)}
        matrix = np.zeros([len(labels), len(self.classes)], bool)
        for row, names in enumerate(labels):
            matrix[row, [places[name] for name in names if name in places]] = True
        return matrix

    def _shown(self, clip: int) -> ShownClip:
        scores = dict(zip(self.classes, self.scores[clip].tolist(), strict=True))
        ranked = sorted(scores, key=lambda name: -scores[name])
        named = [name for name in ranked[_SCORES_SHOWN:] if name in self.true[clip]]
        return ShownClip(
            clip_id=self.clip_ids[clip],
            true=self.true[clip],
            predicted=self.predicted[clip],
            scores=[(name, scores[name]) for name in ranked[:_SCORES_SHOWN] + named],
            sound=None,
            picture=None,
        )


def read_clip_scores(
    table: pa.Table, classes: Sequence[str], thresholds: Mapping[str, float] | None
) -> ClipScores:
    """Reads BatchPredictor's table of test clips.

    Args:
        table: The table.
        classes: Class names in the order of the model's scores.
        thresholds: The model's thresholds by class, if clips have several labels.

    Returns:
        The clips, in the order of their names.
    """
    table = table.sort_by("fname")
    columns = [table[f"score_{name}"].to_numpy() for name in classes]
    return ClipScores(
        classes=classes,
        clip_ids=table["fname"].to_pylist(),
        true=_label_lists(table["true"]),
        predicted=_label_lists(table["predicted"]),
        scores=np.stack(columns, axis=1),
        thresholds=np.array([thresholds[name] for name in classes]) if thresholds else None,
    )


def _label_lists(column: pa.ChunkedArray) -> list[list[str]]:
    values = column.to_pylist()
    return [value if isinstance(value, list) else [value] if value else [] for value in values]
