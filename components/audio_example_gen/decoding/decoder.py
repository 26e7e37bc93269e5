"""Decoding in a process of its own, so that a decoder which hangs or crashes costs one file.

Decoders are C libraries that meet any bytes at all. The process is started once and serves one file
after the other; it is only killed, and started again, when a file has done it harm.
"""

import json
import os
import select
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any, cast

from components.audio_example_gen.decoding.clip_policies import DecodedClip
from components.audio_example_gen.sources.listing import RefusedError
from schema.config.ingest_settings import IngestSettings
from vggish.errors import AudioError

MESSAGE_HEAD = struct.Struct(">II")
"""Before every message: the length of its JSON, and of the samples behind."""

_START_SECONDS = 120.0  # The process imports NumPy and libsndfile, on a disk that may be cold.
_PIPE_BYTES = 1 << 20


class Decoder:
    """Decodes files in a process of its own.

    Args:
        ingest: Which clips are let in, and in what shape.
    """

    def __init__(self, ingest: IngestSettings):
        self._ingest = ingest
        self._process: subprocess.Popen[bytes] | None = None

    def clips(self, path: str, clip_id: str) -> Iterator[DecodedClip]:
        """Decodes a file.

        Args:
            path: Of the file, on this machine's disk.
            clip_id: Its id.

        Yields:
            Its clips, as `policies.read_clips`.

        Raises:
            AudioError: The file is refused; with reason `timeout` where it gave nothing for
                `ingest.timeout_seconds`, with `unreadable` where it crashed the decoder.
        """
        process = self._running()
        done = False
        try:
            _send(process, {"path": path, "clip_id": clip_id})
            while True:
                message, pcm = _receive(process, self._ingest.timeout_seconds)
                match message.pop("kind"):
                    case "clip":
                        yield DecodedClip(pcm=pcm, **message)
                    case "refused":
                        done = True
                        raise AudioError(message["reason"], message["detail"])
                    case _:
                        done = True
                        return
        except TimeoutError as error:
            raise RefusedError(
                "timeout",
                f"{clip_id} gave no sound within {self._ingest.timeout_seconds:g} seconds "
                "(ingest.timeout_seconds).",
            ) from error
        except (EOFError, BrokenPipeError) as error:
            self.close()
            how = f"exit code {process.returncode}"
            raise AudioError("unreadable", f"{clip_id} crashed its decoder ({how}).") from error
        finally:
            if not done:
                self.close()

    @property
    def process_id(self) -> int | None:
        """The process's id, where it runs."""
        return self._process.pid if self._process is not None else None

    def close(self) -> None:
        """Ends the process, if there is one."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._process = _start(self._ingest)
        return self._process


def _start(ingest: IngestSettings) -> "subprocess.Popen[bytes]":
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        # One file at a time needs no threads, and each would have buffers of its own.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "components.audio_example_gen.decoding.decoder_process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
        env=environment,
    )
    try:
        _send(process, ingest.model_dump(mode="json"))
        _receive(process, _START_SECONDS)
    except (EOFError, BrokenPipeError, TimeoutError) as error:
        process.kill()
        raise RuntimeError(
            f"The decoder process did not start (exit code {process.wait()}); its own message is "
            "in the log."
        ) from error
    return process


def _send(process: "subprocess.Popen[bytes]", message: dict[str, Any]) -> None:
    cast(IO[bytes], process.stdin).write(json.dumps(message).encode() + b"\n")


def _receive(process: "subprocess.Popen[bytes]", seconds: float) -> tuple[dict[str, Any], bytes]:
    """Reads a message; raises TimeoutError or, where the process is gone, EOFError."""
    pipe = _Pipe(cast(IO[bytes], process.stdout).fileno(), time.monotonic() + seconds)
    text_size, pcm_size = MESSAGE_HEAD.unpack(pipe.read(MESSAGE_HEAD.size))
    return json.loads(pipe.read(text_size)), pipe.read(pcm_size)


@dataclass(frozen=True)
class _Pipe:
    """The reading end of a pipe, up to a deadline."""

    descriptor: int
    deadline: float

    def read(self, size: int) -> bytes:
        parts = []
        while size > 0:
            left = self.deadline - time.monotonic()
            if left <= 0 or not select.select([self.descriptor], [], [], left)[0]:
                raise TimeoutError
            part = os.read(self.descriptor, min(size, _PIPE_BYTES))
            if not part:
                raise EOFError
            parts.append(part)
            size -= len(part)
        return b"".join(parts)
