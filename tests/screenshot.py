"""Takes the picture of README: a part of a run's report.

python tests/screenshot.py runs/sounds/report.html docs/report.webp
"""

import base64
import io
import sys
import tempfile
import time
from pathlib import Path

from browser import browser
from PIL import Image

WIDTH, HEIGHT = 1200, 645
TOP = "#errors"


def take(report: Path, picture: Path) -> None:
    """Writes the picture as WebP or PNG."""
    with tempfile.TemporaryDirectory() as profile, browser(Path(profile)) as chromium:
        chromium.open(report.resolve().as_uri())
        size = {"width": WIDTH, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": False}
        chromium.call("Emulation.setDeviceMetricsOverride", **size)
        chromium.value("document.documentElement.style.scrollbarWidth = 'none'")
        chromium.value(f"document.querySelector('{TOP}').scrollIntoView()")
        time.sleep(2)  # The players read their sounds, and fade in.
        shot = chromium.call("Page.captureScreenshot")
    with Image.open(io.BytesIO(base64.b64decode(shot["data"]))) as image:
        image.convert("RGB").save(picture, quality=80)


if __name__ == "__main__":
    take(*map(Path, sys.argv[1:]))
