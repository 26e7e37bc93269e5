"""Ctrl-C ends every command with one sentence and exit code 130."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[3]
SENTENCE = "Interrupted; run the same command again to continue.\n"

# A command that hangs as a library may: each says "ready" once it can be interrupted.
SCRIPT = """
import os, sys, threading, time
from pathlib import Path
from pipeline.cli import main, process_exit
from pipeline.cli.console import quiet

def ready():
    os.write(1, b"ready")

def sleep():
    ready()
    time.sleep(60)

def sleep_in_a_run():
    with quiet(Path(os.devnull)):
        os.write(screen, b"ready")
        time.sleep(60)

def turn_into_an_error():
    try:
        sleep()
    except KeyboardInterrupt as error:
        raise RuntimeError("the kernel was interrupted") from error

def swallow():
    process_exit.GRACE_SECONDS = 0.1
    try:
        sleep()
    except KeyboardInterrupt:
        time.sleep(60)

def swallow_for_long():
    try:
        sleep()
    except KeyboardInterrupt:
        sleep()

def leave_a_thread():
    threading.Thread(target=time.sleep, args=(60,)).start()
    sleep()

screen = os.dup(1)
main.app.command("hang")(globals()[sys.argv.pop(1)])
sys.argv[1:] = ["hang"]
main.main()
"""


def start(command: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=PROJECT,
    )
    wait_until_ready(process)
    return process


def wait_until_ready(process: subprocess.Popen[bytes]) -> None:
    assert process.stdout is not None
    assert process.stdout.read(5) == b"ready"


def end(process: subprocess.Popen[bytes]) -> tuple[int, str]:
    _, screen = process.communicate(timeout=50)
    return process.returncode, screen.decode()


@pytest.mark.parametrize(
    "command", ["sleep", "sleep_in_a_run", "turn_into_an_error", "swallow", "leave_a_thread"]
)
def test_ctrl_c_is_one_sentence(command: str) -> None:
    process = start(command)
    process.send_signal(signal.SIGINT)
    assert end(process) == (130, SENTENCE)


def test_second_ctrl_c_does_not_wait_for_a_library() -> None:
    process = start("swallow_for_long")
    process.send_signal(signal.SIGINT)
    wait_until_ready(process)
    process.send_signal(signal.SIGINT)
    assert end(process) == (130, SENTENCE)


# A node that is late leaves what complains when it is collected, as TensorFlow's generators may.
LATE = """
import sys
from pathlib import Path
from pipeline.cli import main
from pipeline.cli.console import quiet
from pipeline.runners.retries import time_limit

class Leftover:
    def __del__(self):
        raise TypeError("storm of a half-run generator")

def run_for_ever():
    of_the_frame, of_a_cycle = Leftover(), Leftover()
    of_a_cycle.itself = of_a_cycle
    del of_a_cycle
    while True:
        pass

def late():
    with quiet(Path(log)):
        from pipeline.runners.local_runner import NodeError  # TensorFlow talks as it is imported.
        try:
            with time_limit("Transform", 0.1, print):
                try:
                    run_for_ever()
                except Exception as error:
                    raise RuntimeError("the kernel was interrupted") from error
        except RuntimeError as error:
            raise NodeError("Transform") from error

log = sys.argv.pop(1)
main.app.command("late")(late)
sys.argv[1:] = ["late"]
main.main()
"""


def test_late_node_leaves_one_sentence_on_the_screen(tmp_path: Path) -> None:
    log = tmp_path / "run.log"
    done = subprocess.run(
        [sys.executable, "-c", LATE, str(log)],
        capture_output=True,
        text=True,
        cwd=PROJECT,
        check=False,
    )
    assert done.returncode == 1
    (sentence,) = done.stderr.splitlines()
    assert sentence.startswith("Error: The node Transform took longer than its limit of 0.1 s; ")
    assert log.read_text().count("storm of a half-run generator") == 1
