"""Renders a page from a template that extends `base.html`."""

import math
from collections.abc import Mapping, Sequence
from numbers import Integral
from pathlib import Path
from typing import Any

import jinja2

_NOTHING = "—"


def render(template: Path, **values: Any) -> str:
    """Makes a page.

    Args:
        template: The template's file.
        **values: The template's variables. Texts are escaped, so they may hold anything.

    Returns:
        A whole HTML document that can be encoded as UTF-8.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([template.parent, Path(__file__).parent]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": format_number,
        "share": format_share,
        "interval": format_interval,
        "measure": format_measure,
        "bounds": format_bounds,
        "duration": format_duration,
        "windows": format_windows,
    }
    page = environment.get_template(template.name).render(**values)
    # A file name that is not Unicode has lone surrogates, which cannot be encoded.
    return page.encode("utf-8", "backslashreplace").decode("utf-8")


def format_number(value: object) -> str:
    """Writes a count with separators, a measure with four decimals, and a dash for nothing.

    A measure that four decimals would show as zero has its first digit.
    Evaluators give counts as floats, too: a whole number above 1 is taken for a count.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return _NOTHING
    if isinstance(value, float):
        if 0 < abs(value) < 5e-5:
            return f"{value:.0e}"
        return f"{value:,.0f}" if value > 1 and value.is_integer() else f"{value:,.4f}"
    return f"{value:,}" if isinstance(value, Integral) else str(value)


def format_interval(interval: Sequence[float] | None) -> str:
    """Writes an interval with two decimals, and nothing for nothing."""
    return "" if interval is None else f"({interval[0]:.2f}-{interval[1]:.2f})"


def format_windows(counts: Mapping[str, int]) -> str:
    """Writes what became of the windows of annotated recordings."""
    return (
        f"{counts['found']:,} found: {counts['with_events']:,} with events, "
        f"{counts['background']:,} of background, {counts['left_out']:,} left out"
    )


def format_share(value: float | None) -> str:
    """Writes a share of one as a percentage with one decimal, and a dash for nothing."""
    return _NOTHING if value is None or math.isnan(value) else f"{value:.1%}"


def format_measure(value: float | None, name: str) -> str:
    """Writes a metric: a loss with three decimals, a count whole, and others as a share."""
    if value is None or math.isnan(value):
        return _NOTHING
    if name == "clips":
        return f"{value:,.0f}"
    return f"{value:.3f}" if name == "loss" else format_share(value)


def format_bounds(bounds: Sequence[float] | None, name: str) -> str:
    """Writes the bounds of a metric's interval, and nothing for nothing."""
    return "" if bounds is None else " to ".join(format_measure(bound, name) for bound in bounds)


def format_duration(seconds: float) -> str:
    """Writes seconds as a person would: `0.4 s`, `72 s`, `12 min 5 s`, `2 h 3 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
