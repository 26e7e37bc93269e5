"""Calls a model as a server would, and refuses a model that a server could not run."""

import errno
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import io_utils, path_utils

from components.evaluation_results import Check
from components.serving_validator import probe
from components.serving_validator.checks import Limits, check_answers
from components.serving_validator.probe_requests import (
    ProbeRequests,
    make_requests,
    read_probe_clips,
)
from schema.clip_scores import read_clip_scores, scores_file
from schema.model_card import read_model_card

VALIDATION_FILE = "validation.json"

_CLIPS = 8
_RECORD_BYTES = 32 << 20
"""Maximum size of these clips: 1,000 seconds, or 65,000 windows of 128 numbers."""

_SPLIT = "eval"
_SECONDS = 900
"""Timeout of the probe."""


class Executor(BaseExecutor):
    """Validates a model."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the blessing, the checks and the measurements.

        Args:
            input_dict: `model`, `model_run` and clip `examples`.
            output_dict: `blessing`.
            exec_properties: `max_latency_ms` and `max_memory_mb`; absent: no limit.

        Raises:
            OSError: The machine killed the process that called the model.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        model = path_utils.serving_model_path(artifact_utils.get_single_uri(input_dict["model"]))
        examples = artifact_utils.get_split_uri(input_dict["examples"], _SPLIT)
        clips = read_probe_clips(examples, _CLIPS, _RECORD_BYTES)
        card = read_model_card(model)
        requests = make_requests(clips, model, card)
        trained = read_clip_scores(
            os.path.join(
                artifact_utils.get_single_uri(input_dict["model_run"]), scores_file("eval")
            )
        )
        limits = Limits(
            card["compute"],
            exec_properties.get("max_latency_ms"),
            exec_properties.get("max_memory_mb"),
        )
        measured: dict[str, Any] = {}
        try:
            answers, measured = _ask(model, requests)
        except subprocess.SubprocessError as error:
            _raise_if_killed(error)
            checks = [
                Check(metric="answers", value=_reason(error), bound="without error", passed=False)
            ]
        else:
            checks = check_answers(requests, answers, measured, trained, limits)
        blessing = artifact_utils.get_single_instance(output_dict["blessing"])
        passed = all(check["passed"] for check in checks)
        # The Pusher reads this property.
        blessing.set_int_custom_property("blessed", int(passed))
        path = os.path.join(blessing.uri, VALIDATION_FILE)
        io_utils.write_string_file(path, json.dumps({"checks": checks, "measured": measured}))


def _ask(model: str, requests: ProbeRequests) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Calls the model in a process of its own; returns its answers and measurements."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "requests.json").write_text(json.dumps(requests.calls))
        subprocess.run(  # noqa: S603 Our own script and model.
            [sys.executable, "-I", probe.__file__, model, scratch],
            check=True,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
        )
        answers = json.loads((folder / "answers.json").read_text())
        return answers, json.loads((folder / "measured.json").read_text())


def _raise_if_killed(error: subprocess.SubprocessError) -> None:
    """A kill from outside says nothing of the model; most often, the machine's memory ran out."""
    if isinstance(error, subprocess.CalledProcessError) and error.returncode == -signal.SIGKILL:
        raise OSError(
            errno.ENOMEM,
            "The process that called the model was killed, probably because the machine's memory "
            "ran out; free memory and run again.",
        ) from error


def _reason(error: subprocess.SubprocessError) -> str:
    """Returns the last line that the probe wrote, or says that it took too long."""
    if isinstance(error, subprocess.CalledProcessError) and error.stderr.strip():
        return error.stderr.strip().splitlines()[-1]
    return str(error)
