"""The report's figures."""

from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
import numpy.typing as npt
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from components.report.drawing import (
    INK,
    RULE,
    SPLIT_COLOURS,
    STYLE,
    inline_svg,
    legend_above,
    one_axes,
    short_label,
)
from components.report.precision_recall import PrecisionRecall

SPLITS = ("train", "eval", "test")

# A matrix of more classes than this is shown by colour alone.
ANNOTATED_CLASSES = 20
# A matrix of more classes than this has no room for their names.
NAMED_CLASSES = 100

_CURVES_A_ROW = 4

# From transparent to blue: the page's background is the colour of zero.
_SHARES = LinearSegmentedColormap.from_list("shares", [(0.12, 0.49, 0.74, a) for a in (0, 1)])
# On a linear scale, a single confused clip among many would be too pale to see.
_SHARE_SCALE = PowerNorm(0.5, vmin=0, vmax=1)


def class_distribution(by_label: Mapping[str, Mapping[str, int]]) -> Markup:
    """Clips of each class, stacked by split, the largest class first.

    Args:
        by_label: Counts of clips by class name and then split.

    Returns:
        An `<svg>` element.
    """
    totals = {label: sum(counts.values()) for label, counts in by_label.items()}
    labels = sorted(totals, key=lambda label: (-totals[label], label))
    with matplotlib.rc_context(STYLE):
        figure, axes = one_axes(3.8, max(0.17 * len(labels), 0.5))
        rows = np.arange(len(labels))
        start = np.zeros(len(labels))
        for split in SPLITS:
            counts = np.array([by_label[label].get(split, 0) for label in labels], float)
            colour = SPLIT_COLOURS[split]
            axes.barh(rows, counts, 0.75, left=start, color=colour, label=split)
            start += counts
        for row, label in enumerate(labels):
            axes.annotate(
                f"{totals[label]:,}",
                (totals[label], row),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
            )
        axes.set_yticks(rows, [short_label(label) for label in labels])
        axes.set_ylim(len(labels) - 0.4, -0.6)
        axes.spines[["left", "bottom"]].set_visible(False)
        axes.tick_params(length=0)
        axes.xaxis.set_visible(False)
        legend_above(axes, columns=len(SPLITS))
        description = (
            f"Bar chart: clips of each of {len(labels)} classes in the splits train, eval and test."
        )
        return inline_svg(figure, "distribution", description)


def training_curve(history: Mapping[str, Sequence[float]], metric: str) -> Markup:
    """One metric over the epochs, on the train split and on the eval split.

    Args:
        history: Values per epoch by Keras's names: the metric's name and, if it exists, the
            same with `val_` before it.
        metric: Which metric.

    Returns:
        An `<svg>` element.
    """
    with matplotlib.rc_context(STYLE):
        figure, axes = one_axes(4.3, 2.5)
        lines = {"train": (metric, "-", "o"), "eval": (f"val_{metric}", "--", "s")}
        for split, (name, line, marker) in lines.items():
            values = history.get(name, [])
            axes.plot(
                np.arange(1, len(values) + 1),
                values,
                line,
                color=SPLIT_COLOURS[split],
                linewidth=1.8,
                marker=marker if len(values) <= 30 else None,
                markersize=3.5,
                label=split,
            )
        epochs = len(history[metric])
        axes.set_xlim(1 - 0.03 * epochs, epochs + 0.03 * epochs)
        axes.set_xlabel("epoch")
        axes.set_title(metric)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(axis="y", linewidth=0.6)
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", length=0)
        legend_above(axes, columns=2, right=True)
        description = (
            f"Line chart: {metric} over {epochs} epoch{'s' if epochs > 1 else ''}, "
            f"{history[metric][-1]:.4g} at the end on the train split"
        )
        if history.get(f"val_{metric}"):
            description += f" and {history[f'val_{metric}'][-1]:.4g} on the eval split"
        return inline_svg(figure, f"curve-{metric}", f"{description}.")


def rate_curve(rates: Sequence[float], losses: Sequence[float], chosen: float) -> Markup:
    """The loss at rising learning rates, and the rate that was chosen.

    Args:
        rates: The learning rates, rising.
        losses: The smoothed loss at each.
        chosen: The chosen rate.

    Returns:
        An `<svg>` element.
    """
    with matplotlib.rc_context(STYLE):
        figure, axes = one_axes(4.3, 2.5)
        axes.semilogx(rates, losses, color=SPLIT_COLOURS["train"], linewidth=1.8)
        axes.axvline(chosen, color=INK, linewidth=0.9, linestyle=":")
        axes.annotate(
            f"chosen: {chosen:.2g}",
            (chosen, 1),
            xycoords=("data", "axes fraction"),
            xytext=(4, -9),
            textcoords="offset points",
        )
        axes.xaxis.set_major_formatter("{x:g}")
        axes.set_xlabel("learning rate")
        axes.set_title("loss at rising learning rates")
        axes.grid(axis="y", linewidth=0.6)
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", length=0)
        description = (
            f"Line chart: loss at learning rates from {rates[0]:.2g} to {rates[-1]:.2g}, "
            f"lowest at {rates[int(np.argmin(losses))]:.2g}; {chosen:.2g} was chosen."
        )
        return inline_svg(figure, "curve-rate", description)


def trials(numbers: Sequence[int], means: Sequence[float], folds: Sequence[int]) -> Markup:
    """The settings that a search tried: the mean score of each, over the number of the trial.

    Args:
        numbers: Numbers of the trials; 0 is the one that the others had to beat.
        means: Their mean scores.
        folds: The number of folds that each was tested on.

    Returns:
        An `<svg>` element.
    """
    with matplotlib.rc_context(STYLE):
        figure, axes = one_axes(5.4, 2.6)
        whole = max(folds)
        groups = {f"all {whole} folds": (whole, "test", "o"), "fewer folds": (None, "train", "x")}
        for name, (wanted, colour, marker) in groups.items():
            chosen = [i for i, count in enumerate(folds) if (count == whole) == (wanted == whole)]
            axes.scatter(
                [numbers[i] for i in chosen],
                [means[i] for i in chosen],
                30,
                color=SPLIT_COLOURS[colour],
                marker=marker,
                label=name,
            )
        axes.axhline(means[0], color=INK, linewidth=0.9, linestyle=":")
        axes.set_xlabel("trial")
        axes.set_title("mean score of the tested folds")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(axis="y", linewidth=0.6)
        legend_above(axes, columns=2, right=True)
        description = (
            f"Scatter chart: the mean scores of {len(numbers)} trials, from {min(means):.3f} to "
            f"{max(means):.3f}; the configured settings have {means[0]:.3f}."
        )
        return inline_svg(figure, "trials", description)


def confusion_matrix(classes: Sequence[str], confusion: Sequence[Sequence[int]]) -> Markup:
    """A confusion matrix, coloured by the share of the true class, with counts if they fit.

    Args:
        classes: Class names in the order of the rows and columns.
        confusion: Counts of clips; rows are true classes, columns predicted ones.

    Returns:
        An `<svg>` element.
    """
    counts = np.array(confusion)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    number = len(classes)
    annotated = number <= ANNOTATED_CLASSES
    side = number * (0.42 if annotated else min(0.125, 10 / number))
    with matplotlib.rc_context(STYLE):
        figure, axes = one_axes(side, side)
        axes.imshow(shares, cmap=_SHARES, norm=_SHARE_SCALE, interpolation="none", aspect="auto")
        _name_cells(axes, classes, annotated)
        if annotated:
            _count_cells(axes, counts, shares)
        else:
            _share_key(figure, side)
        description = (
            f"Confusion matrix of {number} classes: {np.trace(counts):,} of {counts.sum():,} "
            "clips are on the diagonal."
        )
        return inline_svg(figure, "confusion", description)


def reliability(
    confidence: Sequence[float], right: Sequence[float], counts: Sequence[int]
) -> Markup:
    """A reliability diagram: the share of right decisions over the score.

    Args:
        confidence: Mean score of each interval of scores.
        right: Share of its decisions that were right.
        counts: Their number, which decides the size of a point.

    Returns:
        An `<svg>` element.
    """
    with matplotlib.rc_context(STYLE):
        figure, axes = one_axes(2.8, 2.8)
        axes.plot([0, 1], [0, 1], "--", color=RULE, linewidth=1, label="as it should be")
        sizes = 12 + 100 * np.sqrt(np.array(counts) / max(counts))
        axes.plot(confidence, right, "-", color=SPLIT_COLOURS["test"], linewidth=1)
        axes.scatter(
            confidence, right, sizes, color=SPLIT_COLOURS["test"], label="test", clip_on=False
        )
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="score", ylabel="share that is right")
        axes.grid(linewidth=0.6)
        legend_above(axes, columns=2)
        description = (
            f"Line chart: of {sum(counts):,} scores of the test split, the share that is right, "
            f"in {len(counts)} intervals of the score."
        )
        return inline_svg(figure, "reliability", description)


def precision_recall(curves: Mapping[str, PrecisionRecall]) -> Markup:
    """Precision over recall, a small plot for each class.

    Args:
        curves: The curves by class name.

    Returns:
        An `<svg>` element.
    """
    columns = min(_CURVES_A_ROW, len(curves))
    rows = -(-len(curves) // columns)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(1.75 * columns, 1.85 * rows), layout="constrained")
        grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        for axes, (name, curve) in zip(grid.flat, curves.items(), strict=False):
            recall, precision = np.array(curve["recall"]), np.array(curve["precision"])
            colour = SPLIT_COLOURS["test"]
            axes.step(recall, precision, where="post", color=colour, linewidth=1)
            if (chosen := curve["chosen"]) is not None:
                axes.plot(recall[chosen], precision[chosen], "o", color=colour, clip_on=False)
            axes.set_title(short_label(name, 16))
            axes.set(xlim=(0, 1), ylim=(0, 1.02), xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))
            axes.grid(linewidth=0.6)
        for axes in grid.flat[len(curves) :]:
            axes.set_visible(False)
        figure.supxlabel("recall", size=9)
        figure.supylabel("precision", size=9)
        description = (
            f"Line charts: precision over recall of {len(curves)} classes on the test split, with "
            "a point where the model's threshold is."
        )
        return inline_svg(figure, "precision-recall", description)


def _name_cells(axes: Axes, classes: Sequence[str], large: bool) -> None:
    places = np.arange(len(classes))
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    axes.spines[:].set_visible(False)
    axes.set_xticks(places[1:] - 0.5, minor=True)
    axes.set_yticks(places[1:] - 0.5, minor=True)
    axes.tick_params(which="both", length=0)
    if len(classes) > NAMED_CLASSES:
        axes.set_xticks([])
        axes.set_yticks([])
        return
    axes.grid(which="minor", linewidth=0.8 if large else 0.3)
    names = [short_label(name) for name in classes]
    size = 9 if large else 7
    if large:
        axes.set_xticks(places, names, rotation=45, ha="right", rotation_mode="anchor", size=size)
    else:
        axes.set_xticks(places, names, rotation=90, size=size)
    axes.set_yticks(places, names, size=size)


def _count_cells(
    axes: Axes, counts: npt.NDArray[np.int64], shares: npt.NDArray[np.float64]
) -> None:
    for row, column in np.argwhere(counts):
        dark = _SHARE_SCALE(shares[row, column]) > 0.9
        axes.annotate(
            f"{counts[row, column]:,}",
            (column, row),
            ha="center",
            va="center",
            color="white" if dark else INK,
            size=9 if counts[row, column] < 10_000 else 7,
        )


def _share_key(figure: Figure, side: float) -> None:
    height = min(2.0, side) / side
    key = figure.add_axes((1 + 0.25 / side, 1 - height, 0.14 / side, height))
    steps = np.linspace(0, 1, 256)[:, np.newaxis]
    key.imshow(
        steps, cmap=_SHARES, norm=_SHARE_SCALE, aspect="auto", extent=(0, 1, 0, 1), origin="lower"
    )
    key.set_xticks([])
    key.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0%", "25%", "50%", "75%", "100%"])
    key.yaxis.tick_right()
    key.spines[:].set_visible(False)
    key.tick_params(length=0)
    key.set_title("share of\ntrue class", size=8, fontweight="normal")
