"""Requests that TensorFlow's own batching gathers, as it does inside of a server."""

import io
import resource
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import keras
import numpy as np
import pytest
import soundfile
import tensorflow as tf
from tensorflow.python.ops.batch_ops import batch_function

from trainer.heads.pooling import PooledHead
from trainer.serving.served_classifier import ServedClassifier
from vggish.networks.layer_taps import build_features
from vggish.networks.network import FrontEnd

CLASSES = ["dog", "cat"]
MAX_SECONDS = 40
BATCH = 32  # As in deploy/kubernetes/config/batching.txt.

Answer = tuple[list[float], str]


def wav(samples: np.ndarray, subtype: str = "PCM_16") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, 16_000, subtype, format="WAV")
    return file.getvalue()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    keras.utils.set_random_seed(0)
    head = keras.Sequential([keras.Input([40]), keras.layers.Dense(2, activation="softmax")])
    folder = str(tmp_path_factory.mktemp("model"))
    ServedClassifier(
        build_features("mfcc", None),
        PooledHead(head),
        CLASSES,
        FrontEnd(),
        max_samples=MAX_SECONDS * 16_000,
        thresholds=None,
    ).save(folder)
    return tf.saved_model.load(folder)


def good_files() -> list[bytes]:
    rng = np.random.default_rng(0)
    # Together far more windows than the network takes at once.
    sizes = [400, 16_000, 50_000, MAX_SECONDS * 16_000]
    return [wav(rng.normal(0, 0.1, size)) for size in sizes]


def bad_files() -> dict[str, bytes]:
    return {
        "is not a WAV file": b"no sound",
        "has no chunk `data`": wav(np.zeros(9))[:36],
        "holds no samples": wav(np.zeros(0)),
        "is 41.0 seconds long": wav(np.zeros(41 * 16_000)),
        "not finite numbers": wav(np.array([0.0, np.nan]), "FLOAT"),
    }


class Gatherer:
    """Answers requests of one file each, some of them together."""

    def __init__(self, model: Any):
        self._model = model  # Signatures hold their variables by weak references.
        self.batches: list[int] = []
        call = model.signatures["serving_default"]

        def note(size: np.ndarray) -> np.ndarray:
            self.batches.append(int(size))
            return size

        @batch_function(1, BATCH, 50_000, autograph=False)
        def gathered(files: tf.Tensor) -> list[tf.Tensor]:
            size = tf.numpy_function(note, [tf.shape(files)[0]], tf.int32)
            with tf.control_dependencies([size]):
                outputs = call(audio_bytes=tf.identity(files))
            return [outputs["scores"], outputs["error"]]

        self._ask = tf.function(gathered, input_signature=[tf.TensorSpec([None], tf.string)])

    def ask(self, file: bytes) -> Answer:
        """The scores and the error of a file; an error status is an error without scores."""
        try:
            scores, error = self._ask(tf.constant([file]))
        except tf.errors.InvalidArgumentError as refusal:
            return [], refusal.message
        return scores[0].numpy().tolist(), error[0].numpy().decode()


def test_no_client_fails_another(model: Any) -> None:
    gatherer = Gatherer(model)
    good = good_files()
    call = model.signatures["serving_default"]
    expected = [call(audio_bytes=tf.constant([file]))["scores"][0].numpy() for file in good]
    bad = list(bad_files().items())
    order = np.random.default_rng(1).permutation(500)
    requests = [bad[i // 3 % len(bad)][1] if i % 3 == 0 else good[i % len(good)] for i in order]
    for file in good:  # Before memory is measured.
        gatherer.ask(file)
    peaks = []
    with ThreadPoolExecutor(32) as pool:
        answers: list[Answer] = []
        for first in range(0, 500, 100):
            answers += pool.map(gatherer.ask, requests[first : first + 100])
            peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024)
    assert max(gatherer.batches) > 8  # They were gathered.
    for i, (scores, error) in zip(order, answers, strict=True):
        if i % 3 == 0:
            assert bad[i // 3 % len(bad)][0] in error
            assert not any(scores)
        else:
            assert error == ""
            np.testing.assert_allclose(scores, expected[i % len(good)], atol=1e-5)
    assert peaks[-1] - peaks[1] < 100  # MiB


def test_a_gathered_batch_of_bad_files_tells_each_client_its_error(model: Any) -> None:
    gatherer = Gatherer(model)
    bad = bad_files()
    with ThreadPoolExecutor(len(bad)) as pool:
        answers = pool.map(gatherer.ask, bad.values())
    for sentence, (scores, error) in zip(bad, answers, strict=True):
        assert sentence in error
        assert not any(scores)
