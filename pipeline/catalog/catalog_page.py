"""Prints a catalog to a terminal of any width."""

import collections
import itertools
from collections.abc import Iterable, Sequence

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from components.html.rendering import format_windows
from pipeline.catalog.catalog import DataSetCatalog
from pipeline.catalog.catalog_row import CatalogRow
from schema.config.split_settings import SPLITS
from schema.durations import DURATION_BUCKETS, DURATION_EDGES

_CLASSES_SHOWN = 30
_BAR_WIDTH = 24
_NUMBERS_WIDTH = 20  # The columns before the bars.


def print_catalog(catalog: DataSetCatalog, console: Console) -> None:
    """Prints counts, splits, classes, durations, formats and refusals.

    Args:
        catalog: The contents of the data set.
        console: The terminal; tables fit its width.
    """
    valid = [row for row in catalog.rows if row.reason is None]
    parts: list[RenderableType] = [Text(catalog.root, style="bold"), _totals(catalog, valid)]
    if valid:
        parts += [
            _splits(catalog, valid),
            _classes(catalog),
            *([_durations(valid, console.width)] if any(row.duration for row in valid) else []),
            _formats(valid),
        ]
    if catalog.summary["by_reason"]:
        parts.append(_refusals(catalog))
    if catalog.summary["warnings"]:
        parts.append(_section("Notes", Text("\n".join(catalog.summary["warnings"]))))
    if catalog.complaint:
        parts.append(Text(f"\nA run would stop: {catalog.complaint}", style="red"))
    for part in parts:
        console.print(part)


def _totals(catalog: DataSetCatalog, valid: Sequence[CatalogRow]) -> RenderableType:
    summary = catalog.summary
    hours = sum(row.duration for row in valid) / 3600
    rows = {
        "found": f"{summary['found']} files",
        "accepted": f"{summary['accepted']} files, {sum(len(row.seconds) for row in valid)} clips"
        + (f", {_hours(hours)}" if hours else ""),
        "refused": f"{summary['rejected']} files",
        "duplicates": f"{summary['duplicates']} files",
        "silent": f"{summary['silent']} clips",
        "clipped": f"{summary['clipped']} clips",
        "noise": f"{summary['noise']} files",
        "left out": f"{summary['left_out']} files",
        "no sounds": f"{summary['other_files']} files",
    }
    shown = {name: text for name, text in rows.items() if not text.startswith("0 ")}
    if windows := summary.get("windows"):
        shown["windows"] = format_windows(windows)
    groups = summary["groups"]
    shown["groups"] = (
        f"{groups['known']}, of {groups['files']} files; none is in two splits"
        if groups["known"]
        else "none known"
    )
    grid = Table.grid(padding=(0, 2))
    for name, text in shown.items():
        grid.add_row(name, Text(text))
    return grid


def _hours(hours: float) -> str:
    return f"{hours:.2f} hours" if hours >= 1 else f"{60 * hours:.1f} minutes"


def _section(title: str, content: RenderableType) -> Group:
    # Rich would fold a table's own title to the width of the table.
    return Group(Text(f"\n{title}", style="bold"), content)


def _table(first: str, *numbers: str) -> Table:
    table = Table(box=None, padding=(0, 1))
    table.add_column(first, overflow="fold")
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _splits(catalog: DataSetCatalog, valid: Sequence[CatalogRow]) -> RenderableType:
    seconds: dict[str, float] = collections.defaultdict(float)
    for row in valid:
        seconds[row.split or ""] += row.duration
    total = sum(catalog.summary["by_split"].values())
    table = _table("split", "clips", "share", "hours")
    for split, clips in catalog.summary["by_split"].items():
        table.add_row(split, f"{clips}", f"{clips / total:.1%}", f"{seconds[split] / 3600:.2f}")
    return _section("Splits", table)


def _classes(catalog: DataSetCatalog) -> RenderableType:
    by_label = catalog.summary["by_label"]
    totals = {label: sum(clips.values()) for label, clips in by_label.items()}
    ranked = sorted(totals, key=lambda label: (-totals[label], label))
    if not ranked:
        return Text("\nNo clip has a label.")
    most, least = totals[ranked[0]], totals[ranked[-1]]
    title = f"{len(ranked)} classes"
    if least:
        title += f"; the largest is {most / least:.1f} times the smallest"
    table = _table("class", "clips", *SPLITS)
    shown = ranked if len(ranked) <= _CLASSES_SHOWN else ranked[: _CLASSES_SHOWN - 3]
    for label in shown:
        table.add_row(Text(label), f"{totals[label]}", *(f"{by_label[label][s]}" for s in SPLITS))
    if len(shown) == len(ranked):
        return _section(title, table)
    hidden = ranked[len(shown) :]
    clips = sum(totals[label] for label in hidden)
    note = (
        f"and {len(hidden)} smaller ones, of {clips} clips; the smallest is {hidden[-1]} with "
        f"{least}. --csv lists every file."
    )
    return _section(title, Group(table, Text(note)))


def _durations(valid: Sequence[CatalogRow], width: int) -> RenderableType:
    ordered = sorted(seconds for row in valid for seconds in row.seconds)
    title = (
        f"Durations: {ordered[0]:.3g} to {ordered[-1]:.3g} s, "
        f"median {ordered[len(ordered) // 2]:.3g} s"
    )
    bounds = [0.0, *DURATION_EDGES, float("inf")]
    table = _table("length", "clips")
    table.add_column(no_wrap=True)
    counts = [
        sum(low < seconds <= high for seconds in ordered)
        for low, high in itertools.pairwise(bounds)
    ]
    bar_width = max(1, min(_BAR_WIDTH, width - _NUMBERS_WIDTH))
    filled = [i for i, count in enumerate(counts) if count]
    for i in range(filled[0], filled[-1] + 1):
        bar = "█" * round(bar_width * counts[i] / max(counts))
        table.add_row(DURATION_BUCKETS[i], f"{counts[i]}", bar)
    return _section(title, table)


def _formats(valid: Iterable[CatalogRow]) -> RenderableType:
    found = collections.Counter((row.format, row.rate) for row in valid)
    table = _table("format", "Hz", "files")
    for (form, rate), files in found.most_common():
        table.add_row(form, f"{rate}" if rate else "-", f"{files}")
    return _section("Formats", table)


def _refusals(catalog: DataSetCatalog) -> RenderableType:
    examples = {row.reason: row.path for row in reversed(catalog.rows)}
    table = _table("reason", "files")
    table.add_column("such as", overflow="fold")
    for reason, files in catalog.summary["by_reason"].items():
        table.add_row(reason, f"{files}", Text(examples[reason]))
    return _section("Refused", table)
