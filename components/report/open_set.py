"""How well the model tells test clips that are none of its classes from those that are."""

from typing import TypedDict

import numpy as np
import pyarrow as pa
from scipy.stats import chi2, norm

from components.report.clip_scores import ClipScores

_LEVEL = 0.95
_SECONDS_AN_HOUR = 3600


class Auroc(TypedDict):
    """The chance that a clip of no class seems stranger than one of a class.

    `interval` is None if the clips are too few, or are told apart without a mistake.
    """

    value: float
    interval: tuple[float, float] | None


class FalseAlarms(TypedDict):
    """Clips of no class that got a label nevertheless, in how many hours of such clips."""

    clips: int
    hours: float
    per_hour: float
    interval: tuple[float, float]


class OpenSetScores(TypedDict):
    """Numbers of test clips of the classes and of none; AUROC by what tells them apart.

    `auroc` has `score`, a low highest score, and `unfamiliarity`, if the model gives it.
    `false_alarms` is None if clips have no duration.
    """

    known: int
    unknown: int
    auroc: dict[str, Auroc]
    false_alarms: FalseAlarms | None


def measure_open_set(clips: ClipScores, table: pa.Table) -> OpenSetScores | None:
    """Measures a model on clips of its classes and of none.

    Args:
        clips: The test clips, in the order of their names.
        table: BatchPredictor's table of them.

    Returns:
        The scores; None if the clips have one label each, or one of the two kinds is missing.
    """
    known = clips.matrix(clips.true).any(axis=1)
    if clips.thresholds is None or known.all() or not known.any():
        return None
    table = table.sort_by("fname")
    strangeness = {"score": -clips.scores.max(axis=1)}
    if "unfamiliarity" in table.column_names:
        strangeness["unfamiliarity"] = table["unfamiliarity"].to_numpy()
    alarms = clips.matrix(clips.predicted).any(axis=1) & ~known
    seconds = table["seconds"].to_numpy()[~known]
    return OpenSetScores(
        known=int(known.sum()),
        unknown=int((~known).sum()),
        auroc={name: auroc(values[known], values[~known]) for name, values in strangeness.items()},
        false_alarms=(
            None if np.isnan(seconds).any() else false_alarms(int(alarms.sum()), seconds)
        ),
    )


def auroc(known: np.ndarray, unknown: np.ndarray) -> Auroc:
    """Computes the area under the ROC curve of clips of no class, with its 95% interval.

    The interval is that of DeLong, DeLong and Clarke-Pearson (1988), "Comparing the areas under two
    or more correlated receiver operating characteristic curves", on the logistic scale, which
    keeps it between 0 and 1 (Pepe 2003, "The statistical evaluation of medical tests", 5.2).

    Args:
        known: How strange each clip of a class seems, [clips].
        unknown: The same of the clips of no class.

    Returns:
        The area; ties count half.
    """
    above = _shares_below(known, unknown)
    below = 1 - _shares_below(unknown, known)
    value = float(above.mean())
    if min(len(known), len(unknown)) < 2 or not 0 < value < 1:
        return Auroc(value=value, interval=None)
    error = np.sqrt(above.var(ddof=1) / len(above) + below.var(ddof=1) / len(below))
    odds = np.log(value / (1 - value))
    half = norm.ppf((1 + _LEVEL) / 2) * error / (value * (1 - value))
    low, high = (float(1 / (1 + np.exp(-odds - side * half))) for side in (-1, 1))
    return Auroc(value=value, interval=(low, high))


def false_alarms(clips: int, seconds: np.ndarray) -> FalseAlarms:
    """Computes the rate of false alarms, with its exact 95% interval (Garwood 1936).

    Args:
        clips: Clips of no class that got a label.
        seconds: Length of every clip of no class, [clips].

    Returns:
        The rate.
    """
    hours = float(seconds.sum()) / _SECONDS_AN_HOUR
    per_hour = clips / hours
    tail = (1 - _LEVEL) / 2
    low = chi2.ppf(tail, 2 * clips) / 2 if clips else 0.0
    high = chi2.ppf(1 - tail, 2 * clips + 2) / 2
    return FalseAlarms(
        clips=clips,
        hours=hours,
        per_hour=per_hour,
        interval=(float(low) / hours, float(high) / hours),
    )


def _shares_below(others: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Returns for each own value the share of the others that are lower; equal ones count half."""
    others = np.sort(others)
    places = [np.searchsorted(others, own, side=side) for side in ("left", "right")]
    return np.mean(places, axis=0) / len(others)
