"""The requests to a model: real clips through every signature, and the warm-up requests."""

import base64
import os
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from schema import clip_examples
from schema.model_card import EXTRA_FOLDER, WARMUP_FILE
from vggish import params
from vggish.audio.decoding import pcm16_from_samples, samples_from_pcm16, wav_from_pcm16


@dataclass(frozen=True)
class ProbeClip:
    """One clip of the data set, to be sent to the model.

    Attributes:
        clip_id: Id of the clip.
        example: Serialized example, the input of the signature `examples`.
        pcm: 16-bit mono samples at 16 kHz; None if the source released only embeddings.
    """

    clip_id: str
    example: bytes
    pcm: bytes | None


@dataclass(frozen=True)
class ProbeRequests:
    """The requests in the format of `probe`, and which answers must agree.

    Attributes:
        calls: The requests.
        clip_ids: Ids of the clips in the first request, which calls `examples`.
        same_scores: Lists of request numbers; each list's joined scores must be the same.
    """

    calls: list[dict[str, Any]]
    clip_ids: list[str]
    same_scores: list[list[int]]


def read_probe_clips(folder: str, count: int) -> list[ProbeClip]:
    """Reads the first clips of a split.

    Args:
        folder: Folder of the split's gzip TFRecord files.
        count: Maximum number of clips.

    Returns:
        At least one clip, since a split is never empty.
    """
    files = sorted(tf.io.gfile.glob(os.path.join(folder, "*")))
    records = tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator()
    return [_parse(record) for record in islice(records, count)]


def _parse(record: bytes) -> ProbeClip:
    features = tf.train.Example.FromString(record).features.feature
    pcm = features[clip_examples.PCM].bytes_list.value
    clip_id = features[clip_examples.CLIP_ID].bytes_list.value[0].decode()
    return ProbeClip(clip_id, record, pcm[0] if pcm else None)


def make_requests(clips: list[ProbeClip], model: str) -> ProbeRequests:
    """Makes the requests.

    Args:
        clips: Real clips; at least one.
        model: The SavedModel, for its warm-up requests.

    Returns:
        The requests, the last one for one clip of a second.
    """
    sounds = [clip.pcm for clip in clips if clip.pcm is not None]
    second = pcm16_from_samples(
        np.random.default_rng(0).normal(0, 0.1, params.SAMPLE_RATE).clip(-1, 1)
    )
    heard = sounds or [second]
    wavs = [wav_from_pcm16(pcm) for pcm in heard]
    calls = [_bytes_call("examples", "examples", [clip.example for clip in clips])]
    calls += [_bytes_call(name, "audio_bytes", wavs) for name in ("serving_default", "embed")]
    first = len(calls)
    calls += [
        {"signature": "waveform", "inputs": {"waveform": [samples_from_pcm16(pcm).tolist()]}}
        for pcm in heard
    ]
    same = [[1], list(range(first, len(calls)))] + ([[0]] if sounds else [])
    calls += _warm_up_calls(os.path.join(model, EXTRA_FOLDER, WARMUP_FILE))
    calls.append(_bytes_call("serving_default", "audio_bytes", [wav_from_pcm16(second)]))
    return ProbeRequests(calls, [clip.clip_id for clip in clips], same)


def _bytes_call(signature: str, name: str, values: list[bytes]) -> dict[str, Any]:
    return {"signature": signature, "inputs": {name: [_b64(value) for value in values]}}


def _b64(value: bytes) -> dict[str, str]:
    return {"b64": base64.b64encode(value).decode()}


def _warm_up_calls(path: str) -> list[dict[str, Any]]:
    calls: list[dict[str, Any]] = []
    for record in tf.data.TFRecordDataset(tf.io.gfile.glob(path)).as_numpy_iterator():
        request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
        inputs = {name: tf.make_ndarray(value) for name, value in request.inputs.items()}
        calls.append(
            {
                "signature": request.model_spec.signature_name,
                "inputs": {
                    name: [_b64(v) for v in value] if value.dtype == object else value.tolist()
                    for name, value in inputs.items()
                },
            }
        )
    return calls
