"""Scores of a served model for a WAV file, against the pipeline's for the same recording."""

from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from trainer.heads.pooling import PooledHead
from trainer.serving.served_classifier import ServedClassifier
from vggish.audio.decoding import decode, pcm16_from_samples
from vggish.errors import AudioError
from vggish.networks.layer_taps import build_features
from vggish.networks.network import FrontEnd
from vggish.weights.weight_arrays import random_weights

BATCH = 32
TRAIN_EVERY = 5


def example(file: Path) -> bytes:
    """A clip example as AudioExampleGen makes it."""
    pcm = tf.train.BytesList(value=[pcm16_from_samples(decode(file).samples)])
    feature = {"pcm": tf.train.Feature(bytes_list=pcm)}
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()


def in_batches(items: list) -> Iterator[tf.Tensor]:
    return (tf.constant(items[i : i + BATCH]) for i in range(0, len(items), BATCH))


def fitted_head(features: np.ndarray, classes: np.ndarray) -> keras.Model:
    """Logistic regression on standardised features, as one dense layer."""
    scaler = StandardScaler().fit(features)
    fitted = LogisticRegression(max_iter=50).fit(scaler.transform(features), classes)
    kernel = (fitted.coef_ / scaler.scale_).T
    layer = keras.layers.Dense(len(fitted.classes_), activation="softmax")
    head = keras.Sequential([keras.Input([features.shape[1]]), layer])
    layer.set_weights([kernel, fitted.intercept_ - scaler.mean_ @ kernel])
    return head


def is_heard(model: ServedClassifier, file: Path) -> bool:
    try:
        decode(file)
        model.embed_wav(tf.constant([file.read_bytes()]))
    except (AudioError, tf.errors.InvalidArgumentError):
        return False
    return True


@pytest.mark.real_data
def test_top_labels_of_real_clips_are_those_of_the_pipeline(real_data: Path) -> None:
    words = sorted(real_data.glob("speech_commands/[!_]*/*.wav"))
    digits = sorted(real_data.glob("fsdd/recordings/*.wav"))
    labels = [file.parent.name for file in words] + [f"digit {file.name[0]}" for file in digits]
    files = [*words, *digits]

    network = build_features("fusion", random_weights(0))
    classes = sorted(set(labels))
    identity = PooledHead(lambda pooled: pooled[:, : len(classes)])
    untrained = ServedClassifier(network, identity, classes, FrontEnd(), thresholds=None)
    train = range(0, len(files), TRAIN_EVERY)
    contents = [files[i].read_bytes() for i in train]
    features = [untrained.embed_wav(batch)["embedding"] for batch in in_batches(contents)]
    head = fitted_head(np.concatenate(features), np.array([labels[i] for i in train]))

    model = ServedClassifier(network, PooledHead(head), classes, FrontEnd(), thresholds=None)
    odd = sorted(real_data.glob("odd_audio/**/*.wav"))
    files += [file for file in odd if is_heard(untrained, file)]
    contents = [file.read_bytes() for file in files]
    served = np.concatenate([model.classify_wav(b)["scores"] for b in in_batches(contents)])
    examples = [example(file) for file in files]
    expected = np.concatenate([model.classify_examples(b)["scores"] for b in in_batches(examples)])

    same = served.argmax(axis=1) == expected.argmax(axis=1)
    difference = np.abs(served - expected).max(axis=1)
    top = np.array(classes)[served.argmax(axis=1)]
    correct = np.mean(top[: len(labels)] == labels)
    assert len(files) > 3_000
    assert same.mean() >= 0.995
    assert difference.max() < 0.01
    assert correct > 0.5
