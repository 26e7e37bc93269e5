"""Pictures of recordings with events: what is where."""

import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from pipeline.detect.event_plot import check_plot_path, plot_events
from vggish.errors import AudioError, ConfigError
from vggish.events.annotation_tables import Annotation

EVENTS = [Annotation(2, None, 10.0, 20.0, "<owl> Ω", 0.9), Annotation(3, None, 58.0, 65.0, "fox")]
ROW_HEIGHT = 128 + 18


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whistle of 1 kHz from 0:30 to 0:40 in 75 seconds of silence."""
    path = tmp_path_factory.mktemp("sounds") / "a.wav"
    sound = np.zeros(75 * 16_000, np.float32)
    sound[30 * 16_000 : 40 * 16_000] = np.sin(2 * np.pi * 1_000 * np.arange(160_000) / 16_000)
    soundfile.write(path, sound, 16_000)
    return path


def test_a_picture_has_a_row_a_minute(recording: Path, tmp_path: Path) -> None:
    plot_events(recording, EVENTS, f"{tmp_path}/a.png")
    pixels = np.array(Image.open(tmp_path / "a.png"))
    assert pixels.shape == (2 * ROW_HEIGHT, 1_200, 3)
    brightness = pixels[:128].astype(int).sum(axis=(0, 2))
    assert brightness[31 * 20 : 39 * 20].min() > 1.5 * brightness[22 * 20 : 29 * 20].max()
    blue, orange = pixels[100, 200], pixels[100, 58 * 20]
    assert blue.tolist() == pixels[100, 400].tolist() == [31, 119, 180]
    # An event at the seam is in both rows, and ends in the second.
    assert orange.tolist() == pixels[ROW_HEIGHT + 100, 5 * 20].tolist() == [255, 127, 14]
    assert (pixels[ROW_HEIGHT : ROW_HEIGHT + 128, 15 * 20 :] == 255).all()


def test_a_page_names_the_events(recording: Path, tmp_path: Path) -> None:
    plot_events(recording, EVENTS, f"{tmp_path}/a.html")
    page = (tmp_path / "a.html").read_text()
    assert page.count("data:image/webp;base64,") == 2
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", page))
    assert "&lt;owl&gt; Ω 0:10 to 0:20 (0.90), fox 0:58 to 1:05" in text
    assert text.count("fox 0:58 to 1:05") == 2


def test_wrong_input_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text("start,end,label\n2,1,x\n")
    with pytest.raises(ConfigError, match=r"must end with one of \.html, \.png"):
        check_plot_path("a.svg")
    with pytest.raises(AudioError, match="is not a sound file"):
        plot_events(tmp_path / "e.csv", [], f"{tmp_path}/a.png")
    assert not (tmp_path / "a.png").exists()
