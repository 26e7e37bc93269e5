"""The report in a browser: opened from disk, a sound played, and nothing asked of the network."""

from pathlib import Path

import pytest
from browser import CHROMIUM, browser
from PIL import Image
from screenshot import take
from test_clip_scores import shown, write_examples
from test_report_page import make_report

from components.report.page import render_page
from components.report.sounds import add_sounds

PICTURE = Path(__file__).resolve().parents[2] / "docs" / "report.webp"

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")


def test_sound_plays_from_disk_and_no_request_leaves(tmp_path: Path) -> None:
    files = [write_examples(tmp_path / "clips.tfrecord", {"dog/a.wav": 2})]
    mistakes = add_sounds([shown("dog/a.wav")], files)
    page = tmp_path / "report.html"
    page.write_text(render_page(make_report(["dog", "cat"], mistakes=mistakes)))
    with browser(tmp_path / "profile") as chromium:
        chromium.open(page.as_uri())
        audio = "document.querySelector('audio')"
        assert chromium.value(f"{audio}.currentTime") == 0
        assert chromium.value("document.querySelector('.clip img').decode() && true")
        chromium.value(f"{audio}.scrollIntoView({{block: 'center'}})")
        box = chromium.value(f"JSON.parse(JSON.stringify({audio}.getBoundingClientRect()))")
        chromium.click(box["x"] + box["height"] / 2, box["y"] + box["height"] / 2)
        chromium.wait_for(f"{audio}.currentTime > 0.1")
        assert chromium.value(f"{audio}.duration") == pytest.approx(2, abs=0.1)
        assert chromium.value("document.querySelector('.clip img').naturalWidth") > 100
        outside = [url for url in chromium.requests if not url.startswith(("data:", page.as_uri()))]
        assert chromium.requests
        assert outside == []


def test_readme_has_a_picture_of_the_report(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    page.write_text(render_page(make_report(["dog", "cat"])))
    take(page, tmp_path / "report.webp")
    with Image.open(tmp_path / "report.webp") as taken, Image.open(PICTURE) as kept:
        assert taken.size == kept.size
        assert len(taken.getcolors(taken.width * taken.height)) > 10
    assert PICTURE.stat().st_size < 100_000
