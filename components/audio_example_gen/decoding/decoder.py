"""Decoding in a process of its own, so that a decoder which hangs or crashes costs one file.

Decoders are C libraries that must cope with any bytes. The process starts once and decodes one file
after the other. It is killed and started again only when a file has harmed it. It ends when the
process that started it ends.
"""

import dataclasses
import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from multiprocessing.connection import Connection, Pipe
from typing import Any

from components.audio_example_gen.decoding.clip_policies import DecodedClip, read_clips
from components.audio_example_gen.sources.listing import RefusedError
from schema.config.ingest_settings import IngestSettings
from vggish.errors import AudioError

_START_SECONDS = 120.0  # The process imports NumPy and libsndfile, from a disk that may be cold.
_MEMORY_BYTES = 2 << 30
"""Limit on the memory of one file: ten minutes of 192 kHz sound need half of it."""


class Decoder:
    """Decodes files in a process of its own.

    Args:
        ingest: Which clips are accepted, and in what shape.
    """

    def __init__(self, ingest: IngestSettings):
        self._ingest = ingest
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection

    def clips(self, path: str, clip_id: str) -> Iterator[DecodedClip]:
        """Decodes a file.

        Args:
            path: Path of the file on this machine's disk.
            clip_id: Id of the file.

        Yields:
            The file's clips, as `read_clips` makes them.

        Raises:
            AudioError: The file is refused: with reason `timeout` if it gave nothing for
                `ingest.timeout_seconds`, with `unreadable` if it crashed the decoder.
        """
        process = self._process or self._start()
        done = False
        try:
            self._connection.send_bytes(json.dumps([path, clip_id]).encode())
            while clip := json.loads(self._receive(self._ingest.timeout_seconds)):
                if "refused" in clip:
                    done = True
                    raise AudioError(*clip["refused"])
                yield DecodedClip(pcm=self._receive(self._ingest.timeout_seconds), **clip)
            done = True
        except TimeoutError as error:
            raise RefusedError(
                "timeout",
                f"{clip_id} gave no sound within {self._ingest.timeout_seconds:g} seconds "
                "(ingest.timeout_seconds).",
            ) from error
        except (EOFError, ConnectionError) as error:
            self.close()
            how = f"exit code {process.returncode}"
            raise AudioError("unreadable", f"{clip_id} crashed its decoder ({how}).") from error
        finally:
            if not done:
                self.close()

    @property
    def process_id(self) -> int | None:
        """The id of the process, if it runs."""
        return self._process.pid if self._process is not None else None

    def close(self) -> None:
        """Ends the process, if there is one."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            self._connection.close()

    def _start(self) -> "subprocess.Popen[bytes]":
        self._connection, child_end = Pipe()
        with child_end:
            # A process of multiprocessing would import or copy this one's TensorFlow.
            self._process = process = subprocess.Popen(  # noqa: S603 Our own module.
                [sys.executable, "-m", __spec__.name, str(child_end.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=2,  # C libraries may print, which is not for the reader of this output.
                pass_fds=[child_end.fileno()],
                env=os.environ
                | {
                    "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
                    # One file at a time needs no threads, and each would have its own buffers.
                    "OMP_NUM_THREADS": "1",
                    "OPENBLAS_NUM_THREADS": "1",
                },
            )
        try:
            self._connection.send_bytes(self._ingest.model_dump_json().encode())
            self._receive(_START_SECONDS)
        except (EOFError, ConnectionError, TimeoutError) as error:
            self.close()
            raise RuntimeError(
                f"The decoder process did not start (exit code {process.returncode}); its own "
                "message is in the log."
            ) from error
        return process

    def _receive(self, seconds: float) -> bytes:
        """Reads a message.

        Raises:
            TimeoutError: None came in time.
            EOFError, ConnectionError: The process is gone.
        """
        if not self._connection.poll(seconds):
            raise TimeoutError
        return self._connection.recv_bytes()


def _serve(connection: Connection) -> None:
    """Runs in the process: answers each request with clips and null, or with a refusal."""
    ingest = IngestSettings.model_validate_json(connection.recv_bytes())
    # Of all limits, only the one on data counts what is allocated, not what is mapped and shared.
    resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY_BYTES, _MEMORY_BYTES))
    connection.send_bytes(b"ready")
    while True:
        path, clip_id = json.loads(connection.recv_bytes())
        try:
            for clip in read_clips(path, clip_id, ingest):
                fields = dataclasses.asdict(clip)
                pcm = fields.pop("pcm")
                _send(connection, fields)
                connection.send_bytes(pcm)
            answer: Any = None
        except AudioError as error:
            # The path may be that of a temporary copy.
            answer = {"refused": [error.reason, str(error).replace(path, clip_id)]}
        except MemoryError:
            detail = f"{clip_id} needs more than {_MEMORY_BYTES >> 30} GB of memory to be decoded."
            answer = {"refused": ["too_long", detail]}
        _send(connection, answer)


def _send(connection: Connection, message: dict[str, Any] | None) -> None:
    connection.send_bytes(json.dumps(message).encode())


if __name__ == "__main__":
    with Connection(int(sys.argv[1])) as parent:
        try:
            _serve(parent)
        except (EOFError, ConnectionError):
            sys.exit()  # The process that started this one is gone, or needs it no more.
