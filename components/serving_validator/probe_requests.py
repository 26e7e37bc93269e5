"""The requests to a model: real clips through every signature, and the warm-up requests."""

import base64
import os
from dataclasses import dataclass
from itertools import accumulate, islice
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
        pcm: 16-bit mono samples at 16 kHz; None if the source has only embeddings.
        embedding: The numbers of its windows, float32 [n * D]; empty if the source has sound.
    """

    clip_id: str
    example: bytes
    pcm: bytes | None
    embedding: np.ndarray


@dataclass(frozen=True)
class ProbeRequests:
    """The requests in the format of `probe`, and which answers must agree.

    Attributes:
        calls: The requests.
        clip_ids: Ids of the clips in the first request, which calls `examples`.
        same_scores: Groups of ways to score the same clips. A way is a list of request numbers,
            whose joined scores must be those of the other ways of its group.
    """

    calls: list[dict[str, Any]]
    clip_ids: list[str]
    same_scores: list[list[list[int]]]


def read_probe_clips(folder: str, count: int, record_bytes: int) -> list[ProbeClip]:
    """Reads the first clips of a split.

    Args:
        folder: Folder of the split's TFRecord files.
        count: Maximum number of clips.
        record_bytes: Maximum size of their records together, but for the first.

    Returns:
        At least one clip, since a split is never empty.
    """
    files = sorted(tf.io.gfile.glob(os.path.join(folder, "*")))
    records = list(islice(tf.data.TFRecordDataset(files).as_numpy_iterator(), count))
    ends = accumulate(len(record) for record in records)
    few = [record for record, end in zip(records, ends, strict=True) if end <= record_bytes]
    return [_parse(record) for record in few or records[:1]]


def _parse(record: bytes) -> ProbeClip:
    features = tf.train.Example.FromString(record).features.feature
    pcm = features[clip_examples.PCM].bytes_list.value
    clip_id = features[clip_examples.CLIP_ID].bytes_list.value[0].decode()
    embedding = np.array(features[clip_examples.EMBEDDING].float_list.value, np.float32)
    return ProbeClip(clip_id, record, pcm[0] if pcm else None, embedding)


def make_requests(clips: list[ProbeClip], model: str, card: dict[str, Any]) -> ProbeRequests:
    """Makes the requests.

    Args:
        clips: Real clips; at least one.
        model: The SavedModel, for its warm-up requests.
        card: Its model card.

    Returns:
        The requests, the last one for one clip of a second, or of one window.
    """
    calls = [_call("examples", "examples", [clip.example for clip in clips])]
    same = []
    size = card["embedding_size"]
    if size is not None:
        calls.append(_call("embeddings", "embeddings", _filled_up(clips, size)))
        same.append([[0], [1]])
    if card["network"] is not None:
        same.append(_add_sounds(calls, [clip.pcm for clip in clips if clip.pcm is not None]))
    calls += _warm_up_calls(os.path.join(model, EXTRA_FOLDER, WARMUP_FILE))
    if card["network"] is None:
        calls.append(_call("embeddings", "embeddings", np.zeros([1, 1, size], np.float32)))
    else:
        calls.append(_call("serving_default", "audio_bytes", [wav_from_pcm16(_second())]))
    return ProbeRequests(calls, [clip.clip_id for clip in clips], same)


def _second() -> bytes:
    samples = np.random.default_rng(0).normal(0, 0.1, params.SAMPLE_RATE).clip(-1, 1)
    return pcm16_from_samples(samples)


def _filled_up(clips: list[ProbeClip], size: int) -> np.ndarray:
    """Returns the embeddings of clips, filled up with NaN: float32 [clips, longest n, size]."""
    windows = [clip.embedding.reshape(-1, size) for clip in clips]
    filled = np.full([len(clips), max(map(len, windows)), size], np.nan, np.float32)
    for row, values in zip(filled, windows, strict=True):
        row[: len(values)] = values
    return filled


def _add_sounds(calls: list[dict[str, Any]], sounds: list[bytes]) -> list[list[int]]:
    """Adds requests with sound to those of `examples`; returns the ways that must agree."""
    heard = sounds or [_second()]
    wavs = [wav_from_pcm16(pcm) for pcm in heard]
    first = len(calls)
    calls += [_call(name, "audio_bytes", wavs) for name in ("serving_default", "embed")]
    waveforms = len(calls)
    calls += [_call("waveform", "waveform", samples_from_pcm16(pcm)[np.newaxis]) for pcm in heard]
    return [[first], [*range(waveforms, len(calls))], *([[0]] if sounds else [])]


def _call(signature: str, name: str, values: list[bytes] | np.ndarray) -> dict[str, Any]:
    tensor = tf.io.serialize_tensor(tf.constant(values)).numpy()
    return {"signature": signature, "inputs": {name: base64.b64encode(tensor).decode()}}


def _warm_up_calls(path: str) -> list[dict[str, Any]]:
    calls: list[dict[str, Any]] = []
    for record in tf.data.TFRecordDataset(tf.io.gfile.glob(path)).as_numpy_iterator():
        request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
        ((name, value),) = request.inputs.items()
        calls.append(_call(request.model_spec.signature_name, name, tf.make_ndarray(value)))
    return calls
