"""The process that `Decoder` starts: it reads requests from its standard input, and answers.

It ends when its input does, thus with the process that started it.
"""

import dataclasses
import json
import os
import resource
import sys
from typing import Any, BinaryIO

from components.audio_example_gen.decoding.clip_policies import read_clips
from components.audio_example_gen.decoding.decoder import MESSAGE_HEAD
from schema.config.ingest_settings import IngestSettings
from vggish.errors import AudioError

_MEMORY_BYTES = 2 << 30
"""No file may need more: ten minutes of 192 kHz sound need half of it."""


def main() -> None:
    """Answers every request by its clips and an end, or by a refusal."""
    # What a C library prints must not get between the answers.
    with os.fdopen(os.dup(1), "wb", buffering=0) as answers:
        os.dup2(2, 1)
        requests = sys.stdin.buffer
        ingest = IngestSettings.model_validate_json(requests.readline())
        # Of all limits, the one on data counts what is allocated, not what is mapped and shared.
        resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY_BYTES, _MEMORY_BYTES))
        _answer(answers, {"kind": "ready"})
        for line in requests:
            request = json.loads(line)
            _serve(request["path"], request["clip_id"], ingest, answers)


def _serve(path: str, clip_id: str, ingest: IngestSettings, answers: BinaryIO) -> None:
    try:
        for clip in read_clips(path, clip_id, ingest):
            fields = {
                field.name: getattr(clip, field.name)
                for field in dataclasses.fields(clip)
                if field.name != "pcm"
            }
            _answer(answers, {"kind": "clip"} | fields, clip.pcm)
    except AudioError as error:
        _answer(answers, _refusal(error.reason, str(error), path, clip_id))
    except MemoryError:
        detail = f"{path} needs more than {_MEMORY_BYTES >> 30} GB of memory to be decoded."
        _answer(answers, _refusal("too_long", detail, path, clip_id))
    else:
        _answer(answers, {"kind": "end"})


def _refusal(reason: str, detail: str, path: str, clip_id: str) -> dict[str, Any]:
    # The path may be that of a copy.
    return {"kind": "refused", "reason": reason, "detail": detail.replace(path, clip_id)}


def _answer(answers: BinaryIO, message: dict[str, Any], pcm: bytes = b"") -> None:
    text = json.dumps(message).encode()
    for part in (MESSAGE_HEAD.pack(len(text), len(pcm)), text, pcm):
        view = memoryview(part)
        while view:
            view = view[answers.write(view) :]


if __name__ == "__main__":
    main()
