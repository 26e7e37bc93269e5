"""What reaches the screen, and what only the log."""

import os
import pty
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]

# A node that talks through every channel there is, and fails if told so.
SCRIPT = """
import logging, os, sys, time, warnings
from pathlib import Path
from pipeline.cli.console import NodeProgress, quiet
from types import SimpleNamespace
from vggish.progress import Progress
with quiet(Path(sys.argv[1])) as console, NodeProgress(console) as progress:
    progress.started("Transform", ["AudioExampleGen", "Transform", "EmbeddingExporter_fusion"])
    print("storm on stdout")
    print("storm on stderr", file=sys.stderr)
    logging.getLogger("absl").warning("storm in logging")
    warnings.warn("storm of warnings")
    os.write(2, b"storm of C++\\n")
    clips = Progress("clips", 2)
    clips.advance(2)
    time.sleep(0.5)  # A terminal's line moves ten times a second.
    # As pipeline.runners.local_runner.NodeRun, which takes TFX and seconds to import.
    progress.ended(SimpleNamespace(cached=False, seconds=1.25))
print("back")
"""


def run_on_pipe(log: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(log)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
        cwd=PROJECT,
    )
    return done.stdout


def run_on_terminal(log: Path) -> str:
    """Runs the script on a pseudo-terminal of its own."""
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(log)],
        stdout=terminal,
        stderr=terminal,
        cwd=PROJECT,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "60"},
    )
    os.close(terminal)
    screen = b""
    try:
        while data := os.read(controller, 4096):
            screen += data
    except OSError:  # Linux's way of saying that the other side is closed.
        pass
    os.close(controller)
    assert process.wait() == 0
    return screen.decode()


def test_pipe_gets_one_line_a_node(tmp_path: Path) -> None:
    screen = run_on_pipe(tmp_path / "log")
    assert screen.splitlines() == [" 2/3 Transform                done        1.2 s", "back"]


def test_terminal_shows_how_far_it_is_and_no_storm(tmp_path: Path) -> None:
    screen = run_on_terminal(tmp_path / "log")
    assert "storm" not in screen
    assert "2 of 2 clips" in screen
    assert " 2/3 Transform                done        1.2 s" in screen
    assert screen.rstrip().endswith("back")


def test_storms_go_to_the_log(tmp_path: Path) -> None:
    run_on_pipe(tmp_path / "log")
    log = (tmp_path / "log").read_text()
    for storm in ("on stdout", "on stderr", "in logging", "of warnings", "of C++"):
        assert f"storm {storm}" in log
