"""Decoding in a process of its own, so that a decoder which hangs or crashes costs one file.

Decoders are C libraries that must cope with any bytes. The process starts once and decodes one file
after the other. It is killed and started again only when a file has harmed it. It ends when the
process that started it ends.
"""

import collections
import contextlib
import itertools
import json
import os
import resource
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from multiprocessing.connection import Connection, Pipe
from typing import IO, Any, cast

from components.audio_example_gen.decoding.annotated_windows import LeftOut, read_annotated_windows
from components.audio_example_gen.decoding.clip_policies import DecodedClip, read_clips
from components.audio_example_gen.sources.listing import AnnotatedEvent
from components.file_trees.refusals import RefusedError
from schema.config.annotations.annotation_settings import AnnotationSettings
from schema.config.ingest_settings import IngestSettings
from vggish.errors import AudioError

_END = b"\n"
"""The end of an answer's JSON; the samples follow."""

_AHEAD_BYTES = 16 << 10
"""Requests that wait in the process's pipe: few enough that sending one never waits."""

_START_SECONDS = 120.0  # The process imports NumPy and libsndfile, from a disk that may be cold.
_SPOOL_BYTES = 64 << 20  # More sound of one file than this waits on the disk.
_SIGNALS_FROM_OUTSIDE = {signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
_MEMORY_BYTES = 2 << 30
"""Limit on the memory of one file: ten minutes of 192 kHz sound need half of it."""


class Decoder:
    """Decodes files in a process of its own.

    Args:
        ingest: Which clips are accepted, and in what shape.
        annotations: The windows of annotated recordings; None if there are none.
    """

    def __init__(self, ingest: IngestSettings, annotations: AnnotationSettings | None = None):
        self._ingest = ingest
        self._annotations = annotations or AnnotationSettings()
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection
        self._incoming: select.poll
        self._requests: collections.deque[_Request] = collections.deque()
        """Requests without an answer, of which the first `_sent` are with the process."""
        self._sent = 0

    def announce(
        self, path: str, clip_id: str, events: Sequence[AnnotatedEvent] | None = None
    ) -> None:
        """Has a file decoded while its caller is still busy with the files before it.

        `clips` then finds it done; it must be called for the announced files in their order. If it
        is called for another file, it forgets them.

        Args:
            path: See `clips`.
            clip_id: See `clips`.
            events: See `clips`.
        """
        self._requests.append(_Request(path, clip_id, events))
        if self._process is not None:
            self._send_ahead()

    def clips(
        self, path: str, clip_id: str, events: Sequence[AnnotatedEvent] | None = None
    ) -> Iterator[DecodedClip | LeftOut]:
        """Decodes a file.

        Args:
            path: Path of the file on this machine's disk.
            clip_id: Id of the file.
            events: What is heard when in an annotated recording; None of other files.

        Yields:
            The file's clips, as `read_clips` or `read_annotated_windows` makes them, once all of
            them are decoded: a recording whose later part fails is refused as a whole.

        Raises:
            AudioError: The file is refused: with reason `timeout` if it gave nothing for
                `ingest.timeout_seconds`, with `unreadable` if it crashed the decoder.
            OSError: This machine failed, not the file.
        """
        if self._requests and not self._requests[0].is_for(path, clip_id):
            self.forget()
        if not self._requests:
            self._requests.append(_Request(path, clip_id, events))
        with tempfile.SpooledTemporaryFile(_SPOOL_BYTES) as spool:
            answers = self._decode(clip_id, spool)
            if "refused" in answers[-1]:
                raise AudioError(*answers[-1]["refused"])
            if "failed" in answers[-1]:
                raise OSError(*answers[-1]["failed"], clip_id)
            spool.seek(0)
            for fields in answers:
                size = fields.pop("pcm_bytes")
                if "left_out" in fields:
                    yield LeftOut(**fields)
                else:
                    labels = fields.pop("labels")
                    own = None if labels is None else tuple(labels)
                    yield DecodedClip(pcm=spool.read(size), labels=own, **fields)

    def _decode(self, clip_id: str, spool: IO[bytes]) -> list[dict[str, Any]]:
        """Does the first request: writes the samples to `spool`, and returns the rest."""
        process = self._process or self._start()
        answers: list[dict[str, Any]] = []
        last = False
        try:
            if not self._sent:
                self._send_next()
            self._send_ahead()
            while not last:
                answer, _, pcm = self._receive(self._ingest.timeout_seconds).partition(_END)
                answers.append(json.loads(answer) | {"pcm_bytes": len(pcm)})
                last = answers[-1].pop("last")
                spool.write(pcm)
            self._sent -= 1
        except TimeoutError as error:
            raise RefusedError(
                "timeout",
                f"{clip_id} gave no sound within {self._ingest.timeout_seconds:g} seconds "
                "(ingest.timeout_seconds).",
            ) from error
        except (EOFError, ConnectionError) as error:
            self.close()
            raise _end_of(process, clip_id) from error
        finally:
            self._requests.popleft()
            if not last:
                self.close()
        return answers

    def _send_next(self) -> None:
        self._connection.send_bytes(self._requests[self._sent].message)
        self._sent += 1

    def _send_ahead(self) -> None:
        """Sends as many requests as fit into the pipe."""
        # If the process has ended, the answer to the file that ended it will be missing.
        with contextlib.suppress(ConnectionError):
            while self._sent < len(self._requests):
                sent = itertools.islice(self._requests, self._sent + 1)
                if self._sent and sum(len(request.message) for request in sent) > _AHEAD_BYTES:
                    return
                self._send_next()

    def forget(self) -> None:
        """Forgets the files that were announced."""
        self._requests.clear()
        if self._sent:
            self.close()

    @property
    def process_id(self) -> int | None:
        """The id of the process, if it runs."""
        return self._process.pid if self._process is not None else None

    def close(self) -> None:
        """Ends the process, if there is one; the next file starts another."""
        process, self._process = self._process, None
        self._sent = 0
        if process is not None:
            process.kill()
            process.wait()
            self._connection.close()

    def _start(self) -> "subprocess.Popen[bytes]":
        self._connection, child_end = Pipe()
        # Connection.poll builds a selector for every call, which takes longer than many a file.
        self._incoming = select.poll()
        self._incoming.register(self._connection.fileno(), select.POLLIN)
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
            for settings in (self._ingest, self._annotations):
                self._connection.send_bytes(settings.model_dump_json().encode())
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
        if not self._incoming.poll(seconds * 1000):
            raise TimeoutError
        return self._connection.recv_bytes()


class _Request:
    """A file to decode, and the message that asks for it, which is written once."""

    def __init__(self, path: str, clip_id: str, events: Sequence[AnnotatedEvent] | None):
        said = None if events is None else [asdict(event) for event in events]
        self.message = json.dumps([path, clip_id, said]).encode()
        self._file = path, clip_id

    def is_for(self, path: str, clip_id: str) -> bool:
        """Tells whether it asks for a file."""
        return self._file == (path, clip_id)


def _end_of(process: "subprocess.Popen[bytes]", clip_id: str) -> Exception:
    """Returns the error that says whose fault the end of the process was."""
    if -process.returncode in _SIGNALS_FROM_OUTSIDE:
        return ConnectionAbortedError(
            f"The process that decoded {clip_id} was ended from outside (signal "
            f"{-process.returncode}), as happens when the machine's memory runs out; give it more "
            "memory, or run fewer workers."
        )
    how = f"exit code {process.returncode}"
    return AudioError("unreadable", f"{clip_id} crashed its decoder ({how}).")


def _serve(connection: Connection) -> None:
    """Runs in the process: answers each request with clips, or with a refusal."""
    ingest = IngestSettings.model_validate_json(connection.recv_bytes())
    annotations = AnnotationSettings.model_validate_json(connection.recv_bytes())
    # Of all limits, only the one on data counts what is allocated, not what is mapped and shared.
    resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY_BYTES, _MEMORY_BYTES))
    connection.send_bytes(b"ready")
    while True:
        path, clip_id, said = json.loads(connection.recv_bytes())
        clips: Iterator[DecodedClip | LeftOut]
        if said is None:
            clips = read_clips(path, clip_id, ingest)
        else:
            events = [AnnotatedEvent(**event) for event in said]
            clips = read_annotated_windows(path, clip_id, events, annotations, ingest)
        waiting: DecodedClip | LeftOut | None = None
        try:
            for clip in clips:
                if waiting is not None:
                    _send_clip(connection, waiting, last=False)
                waiting = clip
            # A file has a clip or a window that is left out, or is refused.
            _send_clip(connection, cast(DecodedClip | LeftOut, waiting), last=True)
        except AudioError as error:
            # The path may be that of a temporary copy.
            _send(connection, refused=[error.reason, str(error).replace(path, clip_id)])
        except MemoryError:
            detail = f"{clip_id} needs more than {_MEMORY_BYTES >> 30} GB of memory to be decoded."
            _send(connection, refused=["too_long", detail])
        except OSError as error:
            _send(connection, failed=[error.errno, error.strerror or str(error)])


def _send_clip(connection: Connection, clip: DecodedClip | LeftOut, *, last: bool) -> None:
    _send(connection, **vars(clip), last=last)


def _send(connection: Connection, pcm: bytes = b"", *, last: bool = True, **answer: Any) -> None:
    """Sends one message a clip: each wakes two processes up."""
    connection.send_bytes(json.dumps(answer | {"last": last}).encode() + _END + pcm)


if __name__ == "__main__":
    with Connection(int(sys.argv[1])) as parent:
        try:
            _serve(parent)
        except (EOFError, ConnectionError):
            sys.exit()  # The process that started this one is gone, or needs it no more.
