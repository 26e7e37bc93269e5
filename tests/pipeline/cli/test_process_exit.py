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
