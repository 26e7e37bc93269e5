"""Drawings for an HTML page: SVG that takes its colours and its font from the page around it.

Text stays text, and CSS variables replace the few placeholder colours used here. So one figure
suits a light screen, a dark screen and paper.
"""

import io
import re
import warnings

from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

INK, RULE = "#010101", "#020202"
SPLIT_COLOURS = {"train": "#030303", "eval": "#040404", "test": "#050505"}
_PAGE_COLOURS = {
    INK: "currentColor",
    RULE: "var(--rule)",
    **{colour: f"var(--{split})" for split, colour in SPLIT_COLOURS.items()},
}

STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "report",  # Otherwise the ids of a figure change every time.
    "text.parse_math": False,  # A class may be named "$5 or $10".
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": RULE,
    "axes.facecolor": "none",
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "figure.facecolor": "none",
    "grid.color": RULE,
    "legend.frameon": False,
    "xtick.color": RULE,
    "ytick.color": RULE,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
}


def one_axes(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure whose plotting area has the given size in inches; labels are outside it."""
    figure = Figure(figsize=(width, height))
    return figure, figure.add_axes((0, 0, 1, 1))


def legend_above(axes: Axes, columns: int, right: bool = False) -> None:
    """Puts the legend above the plotting area, at its left or right end."""
    corner, anchor = ("lower right", (1, 1)) if right else ("lower left", (0, 1))
    axes.legend(loc=corner, bbox_to_anchor=anchor, ncols=columns, borderaxespad=0.2)


def short_label(label: str, length: int = 28) -> str:
    """A label on one line, of characters that fonts and XML allow."""
    line = " ".join(label.split())
    line = "".join(character if character.isprintable() else "\ufffd" for character in line)
    return line if len(line) <= length else f"{line[: length - 1]}…"


def inline_svg(figure: Figure, name: str, description: str) -> Markup:
    """Draws a figure as an element for an HTML page with other figures."""
    target = io.StringIO()
    no_metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with warnings.catch_warnings():
        # The reader's browser draws the text with its own fonts.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        FigureCanvasSVG(figure).print_figure(
            target,
            format="svg",
            bbox_inches="tight",
            pad_inches=0.04,
            facecolor="none",
            metadata=no_metadata,
        )
    drawing = target.getvalue()
    drawing = drawing[drawing.index("<svg") :]

    def adapt(tag: re.Match[str]) -> str:
        text = re.sub(r'(\bid="|"#|url\(#)', rf"\g<1>{name}-", tag[0])
        for placeholder, colour in _PAGE_COLOURS.items():
            text = text.replace(placeholder, colour)
        return text

    # Only in tags, since a class name may hold the same letters.
    drawing = re.sub(r"<[^>]*>", adapt, drawing)

    def head(size: re.Match[str]) -> str:
        # A narrow screen shrinks a figure this far, then scrolls it.
        least = 0.7 * float(size[1])
        label = escape(description)
        return f'role="img" aria-label="{label}" style="min-width:{least:.0f}pt" {size[0]}'

    drawing = re.sub(r'width="([\d.]+)pt"', head, drawing, count=1)
    return Markup(drawing)  # noqa: S704 Matplotlib has escaped the text.
