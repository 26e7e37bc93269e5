"""Takes the picture of README: a part of a run's report.

python tests/screenshot.py runs/sounds/report.html docs/report.webp
"""

import base64
import io
import json
import sys
import tempfile
import time
from pathlib import Path

from browser import browser
from PIL import Image

WIDTH, HEIGHT = 1200, 800
TOP = "#confusion"


def take(report: Path, picture: Path) -> None:
    """Writes the picture as WebP or PNG."""
    with tempfile.TemporaryDirectory() as profile, browser(Path(profile)) as chromium:
        chromium.open(report.resolve().as_uri())
        size = {"width": WIDTH, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": False}
        chromium.call("Emulation.setDeviceMetricsOverride", **size)
        chromium.wait_for(
            "[...document.querySelectorAll('audio')].every(one => one.readyState > 0)"
        )
        time.sleep(1)  # The players fade in.
        box = chromium.value(
            f"JSON.stringify(document.querySelector('{TOP}').getBoundingClientRect())"
        )
        clip = {"x": 0, "y": json.loads(box)["y"], "width": WIDTH, "height": HEIGHT, "scale": 1}
        shot = chromium.call("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
    with Image.open(io.BytesIO(base64.b64decode(shot["data"]))) as image:
        image.convert("RGB").save(picture, quality=80)


if __name__ == "__main__":
    take(*map(Path, sys.argv[1:]))
