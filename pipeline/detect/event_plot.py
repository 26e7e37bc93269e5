"""A recording as a picture: its spectrogram with events over it, a minute a row."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib import colormaps
from PIL import Image, ImageDraw, ImageFont

from components.html.log_mel_picture import data_uri, draw_log_mel
from components.html.rendering import render
from vggish.audio.decoding import open_sound
from vggish.audio.resampled_blocks import resampled_blocks
from vggish.audio.sound_files import printable_name
from vggish.errors import ConfigError
from vggish.events.annotation_tables import Annotation
from vggish.output_files import check_output, output_file
from vggish.params import NUM_BANDS, SAMPLE_RATE

PLOT_SUFFIXES = (".html", ".png")
_ROW_SECONDS = 60
_PIXELS_A_SECOND = 20
_HEIGHT = 2 * NUM_BANDS
_AXIS_HEIGHT = 18
_TICK_SECONDS = 10
_LANE_HEIGHT = 15
_MOST_ROWS = 60  # Of a .png, which viewers hold in memory.


@dataclass(frozen=True)
class _Row:
    """One row of the picture: its start in seconds, and the picture."""

    start: float
    picture: Image.Image


def check_plot_path(path: str) -> None:
    """Checks that a picture can be written to a path.

    Raises:
        ConfigError: The name ends with none of `PLOT_SUFFIXES`, or cannot be written.
    """
    if not path.endswith(PLOT_SUFFIXES):
        raise ConfigError(f"{path} must end with one of {', '.join(PLOT_SUFFIXES)}.")
    check_output(path)


def plot_events(recording: Path, events: Sequence[Annotation], output: str) -> None:
    """Draws a recording with its events.

    Args:
        recording: The file.
        events: Its events.
        output: Path or address that `check_plot_path` accepts.

    Raises:
        AudioError: The recording cannot be heard to its end.
        ConfigError: The recording is too long for one picture.
    """
    labels = sorted({event.label for event in events})
    colours = {
        label: tuple(round(255 * part) for part in colormaps["tab10"](place % 10)[:3])
        for place, label in enumerate(labels)
    }
    rows = _rows(recording, events, colours)
    with output_file(output) as file:
        if output.endswith(".html"):
            shown = [
                {
                    "picture": data_uri("image/webp", _webp(row.picture)),
                    "start": _clock(row.start),
                    "events": [event for event in events if _is_in(event, row.start)],
                }
                for row in rows
            ]
            template = Path(__file__).with_name("plot.html")
            title = printable_name(recording)
            page = render(template, title=title, rows=shown, count=len(events), clock=_clock)
            file.write_text(page, encoding="utf-8")
        else:
            _stack(recording, rows).save(file)


def _rows(
    recording: Path, events: Sequence[Annotation], colours: dict[str, tuple[int, ...]]
) -> Iterator[_Row]:
    with open_sound(recording) as sound:
        held = np.zeros(0, np.float32)
        start, size = 0, _ROW_SECONDS * SAMPLE_RATE
        for block in resampled_blocks(sound, "soxr"):
            held = np.concatenate([held, block])
            while held.size >= size:
                yield _draw_row(held[:size], start, events, colours)
                held, start = held[size:], start + _ROW_SECONDS
        if held.size:
            yield _draw_row(held, start, events, colours)


def _draw_row(
    samples: np.ndarray,
    start: int,
    events: Sequence[Annotation],
    colours: dict[str, tuple[int, ...]],
) -> _Row:
    width = max(1, round(samples.size / SAMPLE_RATE * _PIXELS_A_SECOND))
    canvas = Image.new("RGB", (_ROW_SECONDS * _PIXELS_A_SECOND, _HEIGHT + _AXIS_HEIGHT), "white")
    canvas.paste(draw_log_mel(samples).resize((width, _HEIGHT), Image.Resampling.BOX))
    draw = ImageDraw.Draw(canvas)
    font = ImageFont.truetype(Path(matplotlib.get_data_path(), "fonts/ttf/DejaVuSans.ttf"), 11)
    for tick in range(0, _ROW_SECONDS, _TICK_SECONDS):
        x = tick * _PIXELS_A_SECOND
        draw.line([(x, _HEIGHT), (x, _HEIGHT + 4)], fill="black")
        draw.text((x + 3, _HEIGHT + 3), _clock(start + tick), fill="black", font=font)
    lanes = list(colours)
    for event in events:
        if _is_in(event, start):
            left, right = (
                min(max(0, round((place - start) * _PIXELS_A_SECOND)), width - 1)
                for place in (event.start, event.end)
            )
            colour = colours[event.label]
            draw.rectangle([left, 0, right, _HEIGHT - 1], outline=colour, width=2)
            lane = 2 + lanes.index(event.label) * _LANE_HEIGHT % (_HEIGHT - _LANE_HEIGHT)
            box = draw.textbbox((left + 4, lane), event.label, font=font)
            draw.rectangle(box, fill=colour)
            draw.text((left + 4, lane), event.label, fill="white", font=font)
    return _Row(start, canvas)


def _is_in(event: Annotation, start: float) -> bool:
    return event.start < start + _ROW_SECONDS and event.end > start


def _stack(recording: Path, rows: Iterator[_Row]) -> Image.Image:
    pictures = []
    for row in rows:
        pictures.append(row.picture)
        if len(pictures) > _MOST_ROWS:
            raise ConfigError(
                f"{recording} is longer than {_MOST_ROWS} minutes, which is too much for one "
                "picture; write .html."
            )
    whole = Image.new("RGB", (pictures[0].width, sum(one.height for one in pictures)), "white")
    for place, picture in enumerate(pictures):
        whole.paste(picture, (0, place * picture.height))
    return whole


def _webp(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "WEBP", quality=60)
    return file.getvalue()


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
