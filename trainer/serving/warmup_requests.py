"""The requests that TensorFlow Serving runs on a model before it serves clients.

The first request of each kind sets up TensorFlow's kernels, which takes many times as long as the
request itself. See TensorFlow Serving's "SavedModel Warmup".
"""

import os

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis.model_pb2 import ModelSpec
from tensorflow_serving.apis.predict_pb2 import PredictRequest
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog, PredictLog

from schema import clip_examples
from schema.model_card import EXTRA_FOLDER, WARMUP_FILE
from vggish.audio.decoding import pcm16_from_samples, wav_from_pcm16
from vggish.example_features import bytes_feature, float_feature, serialized_example
from vggish.params import SAMPLE_RATE

_BATCH_SIZES = (1, 8)
_RATES = (SAMPLE_RATE, 44_100)  # With and without resampling.
_SECONDS = 0.03  # However short, a clip takes one window.


def write_warmup_requests(
    folder: str, *, takes_sound: bool = True, embedding_size: int | None = None
) -> None:
    """Writes `assets.extra/tf_serving_warmup_requests` into a SavedModel.

    It holds requests to every signature that clients use; only the Evaluator uses `targets`.

    Args:
        folder: SavedModel of a `ServedClassifier`.
        takes_sound: Whether it has signatures for sound.
        embedding_size: Numbers of an embedding, if its clip examples hold embeddings instead of
            sound.
    """
    extra = os.path.join(folder, EXTRA_FOLDER)
    tf.io.gfile.makedirs(extra)
    with tf.io.TFRecordWriter(os.path.join(extra, WARMUP_FILE)) as writer:
        for size in _BATCH_SIZES:
            for request in _requests(size, takes_sound, embedding_size):
                log = PredictionLog(predict_log=PredictLog(request=request))
                writer.write(log.SerializeToString())


def _requests(size: int, takes_sound: bool, embedding_size: int | None) -> list[PredictRequest]:
    clips = {rate: _noise(rate) for rate in _RATES}
    files = [
        [wav_from_pcm16(pcm16_from_samples(clip), rate)] * size for rate, clip in clips.items()
    ]
    requests = []
    if takes_sound:
        requests += [
            *[_request("serving_default", "audio_bytes", batch) for batch in files],
            *[_request("embed", "audio_bytes", batch) for batch in files],
            *[_request("windows", "audio_bytes", batch) for batch in files],
            _request("waveform", "waveform", np.tile(clips[SAMPLE_RATE], [size, 1])),
        ]
    if embedding_size is None:
        example = _sound_example(clips[SAMPLE_RATE])
    else:
        example = _embedded_example(embedding_size)
        windows = np.zeros([size, 1, embedding_size], np.float32)
        requests.append(_request("embeddings", "embeddings", windows))
    return [*requests, _request("examples", "examples", [example] * size)]


def _request(signature: str, name: str, values: list[bytes] | np.ndarray) -> PredictRequest:
    # The server runs the requests on the model in the same folder, and reads only the signature.
    # The model's name, which the server chooses, is not needed.
    spec = ModelSpec(signature_name=signature)
    return PredictRequest(model_spec=spec, inputs={name: tf.make_tensor_proto(values)})


def _noise(rate: int) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, 0.1, round(_SECONDS * rate))
    return noise.astype(np.float32)


def _sound_example(samples: np.ndarray) -> bytes:
    return serialized_example({clip_examples.PCM: bytes_feature([pcm16_from_samples(samples)])})


def _embedded_example(size: int) -> bytes:
    return serialized_example(
        {
            clip_examples.CLIP_ID: bytes_feature([b"warmup"]),
            clip_examples.EMBEDDING: float_feature([0.0] * size),
        }
    )
