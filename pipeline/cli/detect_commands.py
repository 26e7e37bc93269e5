"""The commands for events in recordings: `detect` and `plot`."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn

from pipeline.cli.options import ModelNameOption, ServerOption, TimeoutOption
from pipeline.cli.output.event_agreement import format_agreement
from pipeline.cli.process_exit import EXIT_FAILURE
from vggish.quiet_tensorflow import import_tensorflow_quietly

if TYPE_CHECKING:
    from pipeline.detect.recording_scores import Advance

_SECONDS_BETWEEN_LINES = 30.0


def detect(  # noqa: PLR0913  Its arguments are the options of the command.
    arguments: Annotated[
        list[str],
        typer.Argument(
            help="A run's folder for its newest model, or a model, unless --server is given; then "
            "recordings, folders and globs.",
            metavar="[MODEL] RECORDING…",
        ),
    ],
    outputs: Annotated[
        list[str],
        typer.Option(
            "--output",
            "-o",
            help="Table of events: .csv, .parquet, .jsonl, .selections.txt for Raven, or "
            ".labels.txt for Audacity. May be given several times.",
            metavar="FILE",
        ),
    ],
    scores: Annotated[
        str | None,
        typer.Option(help="Also write the scores of every window, .parquet.", metavar="FILE"),
    ] = None,
    truth: Annotated[
        str | None,
        typer.Option(
            help="Table of the true events, in any form of -o; how well both agree is printed.",
            metavar="FILE",
        ),
    ] = None,
    hop: Annotated[
        float,
        typer.Option(
            help="Seconds from the start of one window of 0.96 s to the start of the next.",
            min=0.01,
            max=0.96,
        ),
    ] = 0.48,
    min_score: Annotated[
        float | None,
        typer.Option(
            help="Score that begins an event; default: the model's threshold of each class, or "
            "0.5 if it has none."
        ),
    ] = None,
    keep_score: Annotated[
        float | None,
        typer.Option(help="Score down to which an event goes on; default: as it begins."),
    ] = None,
    smooth: Annotated[
        int, typer.Option(help="Smooth scores over so many windows, an odd number.", min=1)
    ] = 1,
    smoothing: Annotated[
        Literal["median", "mean"], typer.Option(help="Median or mean of these windows.")
    ] = "median",
    max_gap: Annotated[
        float, typer.Option(help="Join events of a class up to so many seconds apart.", min=0.0)
    ] = 0.0,
    min_duration: Annotated[
        float, typer.Option(help="Leave out shorter events, in seconds.", min=0.0)
    ] = 0.0,
    max_duration: Annotated[
        float | None, typer.Option(help="Leave out longer events, in seconds.", min=0.0)
    ] = None,
    top_n: Annotated[
        int | None,
        typer.Option(help="Only so many classes of a window, the highest, have events.", min=1),
    ] = None,
    resampler: Annotated[
        Literal["resampy", "soxr"],
        typer.Option(help="Resampler; resampy is what models are trained with, soxr is faster."),
    ] = "resampy",
    server: ServerOption = None,
    model_name: ModelNameOption = "sounds",
    timeout: TimeoutOption = 30.0,
) -> None:
    """Find when things happen in recordings of any length: a table of events.

    After an interruption, the same command goes on where it was.
    """
    import_tensorflow_quietly()
    from pipeline.detect.detection_job import Detection, DetectionTables
    from pipeline.detect.event_tables import read_truth
    from pipeline.detect.named_models import connect_window_model, open_pushed_model
    from pipeline.predict.inputs import find_sounds, take_model
    from vggish.audio.recording_windows import WindowGrid
    from vggish.events.detection import EventRules
    from vggish.params import SAMPLE_RATE

    folder, sounds = ("", arguments) if server else take_model(arguments)
    files = find_sounds(sounds)
    tables = DetectionTables(outputs, scores)
    tables.check(len(files))
    true_events = None if truth is None else read_truth(Path(truth), files)
    rules = EventRules(keep_score, smooth, smoothing, top_n, max_gap, min_duration, max_duration)
    if server:
        model = connect_window_model(server, model_name, timeout)
    else:
        model = open_pushed_model(folder)
    detection = Detection(
        files=files,
        model=model,
        min_scores=model.min_scores(min_score),
        grid=WindowGrid(round(hop * SAMPLE_RATE), resampler),
        rules=rules,
        tables=tables,
        truth=true_events,
    )
    screen = Console(stderr=True, highlight=False)
    with _progress(screen, len(files)) as advance:
        outcome = detection.run(advance)
    screen.print(
        f"{', '.join(outputs)}: {outcome.events:,} events in {outcome.recordings:,} recordings "
        f"({_in_words(outcome.seconds)}), {len(outcome.failures):,} of them not heard to the end.",
        soft_wrap=True,
    )
    if outcome.agreement:
        print(format_agreement(outcome.agreement))
    for failure in outcome.failures:
        screen.print(failure, markup=False, soft_wrap=True)
    if outcome.failures:
        raise typer.Exit(EXIT_FAILURE)


@contextmanager
def _progress(screen: Console, recordings: int) -> "Iterator[Advance]":
    """Shows how much is done, and how much faster than the sound lasts."""
    begin = last_line = time.monotonic()
    done, seconds = 0, 0.0
    columns = (SpinnerColumn(), TextColumn("{task.description}"))
    bar = Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal)

    def advance(more_recordings: int, more_seconds: float) -> None:
        nonlocal done, seconds, last_line
        done += more_recordings
        seconds += more_seconds
        now = time.monotonic()
        text = (
            f"{done:,} of {recordings:,} recordings, {_in_words(seconds)}, "
            f"{seconds / max(now - begin, 1e-3):,.0f} times real time"
        )
        bar.update(task, description=text)
        if not screen.is_terminal and now - last_line >= _SECONDS_BETWEEN_LINES:
            last_line = now
            screen.print(text)

    with bar:
        task = bar.add_task("", total=None)
        yield advance


def _in_words(seconds: float) -> str:
    for unit, name in ((3600, "h"), (60, "min")):
        if seconds >= unit:
            return f"{seconds / unit:.1f} {name} of sound"
    return f"{seconds:.0f} s of sound"


def plot(
    recording: Annotated[str, typer.Argument(help="A sound file.", metavar="RECORDING")],
    events: Annotated[
        str, typer.Argument(help="Table of events, in any form of `detect`.", metavar="EVENTS")
    ],
    output: Annotated[
        str, typer.Option("--output", "-o", help="Page or picture, .html or .png.", metavar="FILE")
    ],
) -> None:
    """Draw the spectrogram of a recording with events over it."""
    import_tensorflow_quietly()
    from pipeline.detect.event_plot import check_plot_path, plot_events
    from pipeline.detect.event_tables import events_of, read_events

    check_plot_path(output)
    found = events_of(Path(recording), read_events(Path(events)))
    plot_events(Path(recording), found, output)
    print(f"{output}: {recording} with {len(found):,} events of {events}")
