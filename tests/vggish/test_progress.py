"""The progress of a long step, as the log has it."""

import logging
import time

import pytest

from vggish.progress import LOGGER_NAME, Progress


def test_message_has_the_total_and_the_time_left(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    progress = Progress("clips", 400)
    with caplog.at_level(logging.INFO, LOGGER_NAME):
        for seconds, done in ((5, 10), (5, 90), (10, 200), (10, 100)):
            now[0] += seconds
            progress.advance(done)
    assert caplog.messages == [
        "10 of 400 clips",  # Too few for an estimate.
        "100 of 400 clips, 30 s left",
        "300 of 400 clips, 7 s left",
        "400 of 400 clips",
    ]
