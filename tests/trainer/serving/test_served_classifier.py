"""The served model: every way in gives the same answer as the parts it is made of."""

import io
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import soundfile
import tensorflow as tf

from schema.config.ingest_settings import IngestSettings
from schema.config.model_settings import ModelSettings
from schema.model_card import read_model_card, write_model_card
from trainer.heads.dense import build_frozen_head
from trainer.heads.pooling import PooledHead
from trainer.serving.served_classifier import ServedClassifier
from vggish.audio.decoding import decode, pcm16_from_samples, samples_from_pcm16
from vggish.embedding.embedder import Embedder
from vggish.example_features import bytes_feature, float_feature, serialized_example
from vggish.networks.layer_taps import build_features
from vggish.networks.log_mel import log_mel_from_windows
from vggish.networks.network import FrontEnd
from vggish.networks.network_table import NETWORKS
from vggish.networks.pca_postprocessor import Postprocessor, ReleasedEmbedding, dequantize
from vggish.networks.yamnet_network import YAMNET
from vggish.weights.weight_arrays import random_weights

CLASSES = ["dog", "cat", "chat noir"]
HOP = 15_360


@pytest.fixture(scope="module")
def parts() -> tuple[keras.Model, keras.Model]:
    network = build_features("mfcc", random_weights(0))
    keras.utils.set_random_seed(0)
    head = keras.Sequential([keras.Input([40]), keras.layers.Dense(3, activation="softmax")])
    return network, head


@pytest.fixture(scope="module")
def served(parts: tuple[keras.Model, keras.Model], tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = str(tmp_path_factory.mktemp("model"))
    ServedClassifier(parts[0], PooledHead(parts[1]), CLASSES, FrontEnd(), thresholds=None).save(
        folder
    )
    return tf.saved_model.load(folder)


@pytest.fixture(scope="module")
def clips() -> list[np.ndarray]:
    """Clips of one, one and three windows, as 16 bits keep them."""
    rng = np.random.default_rng(1)
    noises = [rng.normal(0, 0.1, size) for size in (5_000, 16_000, 50_000)]
    return [samples_from_pcm16(pcm16_from_samples(noise)) for noise in noises]


def wav(samples: np.ndarray, rate: int = 16_000) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, "PCM_16", format="WAV")
    return buffer.getvalue()


def expected_scores(parts: tuple[keras.Model, keras.Model], clip: np.ndarray) -> np.ndarray:
    network, head = parts
    padded = np.pad(clip, [0, max(0, 15_600 - len(clip))])
    starts = range(0, len(padded) - 15_600 + 1, HOP)
    windows = np.stack([padded[s : s + 15_600] for s in starts])
    return head(
        network(log_mel_from_windows(tf.constant(windows))).numpy().mean(axis=0)[None]
    ).numpy()[0]


def test_wav_files_of_different_lengths_in_one_batch(
    served: Any, parts: tuple[keras.Model, keras.Model], clips: list[np.ndarray]
) -> None:
    answer = served.signatures["serving_default"](
        audio_bytes=tf.constant([wav(clip) for clip in clips])
    )
    expected = np.stack([expected_scores(parts, clip) for clip in clips])
    np.testing.assert_allclose(answer["scores"], expected, atol=1e-5)
    assert answer["labels"].numpy().tolist() == [[name.encode() for name in CLASSES]] * 3
    top = [CLASSES[i].encode() for i in expected.argmax(axis=1)]
    assert answer["label"].numpy().tolist() == top


def test_waveform_and_examples_agree_with_wav(served: Any, clips: list[np.ndarray]) -> None:
    for clip in clips:
        by_wav = served.signatures["serving_default"](audio_bytes=tf.constant([wav(clip)]))
        by_waveform = served.signatures["waveform"](waveform=tf.constant(clip[None]))
        pcm = tf.train.Feature(bytes_list=tf.train.BytesList(value=[pcm16_from_samples(clip)]))
        example = tf.train.Example(features=tf.train.Features(feature={"pcm": pcm}))
        by_example = served.signatures["examples"](
            examples=tf.constant([example.SerializeToString()])
        )
        np.testing.assert_allclose(by_waveform["scores"], by_wav["scores"], atol=1e-6)
        np.testing.assert_allclose(by_example["scores"], by_wav["scores"], atol=1e-6)


def test_channels_are_averaged(served: Any, clips: list[np.ndarray]) -> None:
    silent = np.zeros_like(clips[1])
    stereo = wav(np.stack([clips[1], silent], axis=1))
    answer = served.signatures["serving_default"](audio_bytes=tf.constant([stereo]))
    half = served.signatures["waveform"](waveform=tf.constant(clips[1][None] / 2))
    np.testing.assert_allclose(answer["scores"], half["scores"], atol=1e-5)


def test_embedding_is_averaged_over_windows(
    served: Any, parts: tuple[keras.Model, keras.Model], clips: list[np.ndarray]
) -> None:
    answer = served.signatures["embed"](audio_bytes=tf.constant([wav(clips[2])]))
    windows = np.stack([clips[2][s : s + 15_600] for s in (0, HOP, 2 * HOP)])
    expected = parts[0](log_mel_from_windows(tf.constant(windows))).numpy().mean(axis=0)
    np.testing.assert_allclose(answer["embedding"][0], expected, rtol=1e-4, atol=1e-4)


def test_the_top_class_of_one_label_is_decided_on(served: Any, clips: list[np.ndarray]) -> None:
    answer = served.signatures["waveform"](waveform=tf.constant(clips[0][None]))
    top = answer["scores"].numpy().argmax()
    assert answer["decisions"].numpy().tolist() == [[c == top for c in range(3)]]


def test_several_labels_are_decided_on_at_thresholds(
    parts: tuple[keras.Model, keras.Model], clips: list[np.ndarray]
) -> None:
    waveform = tf.constant(clips[0][None])
    scores = expected_scores(parts, clips[0])
    for offset, expected in ((-1e-4, True), (1e-4, False)):
        thresholds = [scores[0] + offset, 0.0, 1.1]
        model = ServedClassifier(
            parts[0], PooledHead(parts[1]), CLASSES, FrontEnd(), thresholds=thresholds
        )
        decisions = model.classify_waveform(waveform)["decisions"]
        assert decisions.numpy().tolist() == [[expected, True, False]]


def example_of(*labels: bytes, duration: float | None = None) -> bytes:
    features = {"labels": tf.train.Feature(bytes_list=tf.train.BytesList(value=labels))}
    if duration is not None:
        features["duration"] = tf.train.Feature(float_list=tf.train.FloatList(value=[duration]))
    features = tf.train.Features(feature=features)
    return tf.train.Example(features=features).SerializeToString()


def test_targets_of_clips_with_one_label(served: Any) -> None:
    examples = tf.constant([example_of(b"chat noir"), example_of(b"dog"), example_of(b"cow")])
    answer = served.signatures["targets"](examples=examples)
    assert answer["targets"].numpy().tolist() == [2, 0, -1]


def test_durations_have_names(served: Any) -> None:
    seconds = [0.0, 0.5, 0.501, 1.0, 1.001, 10.0, 10.1, 300.0, 300.1, None]
    examples = [example_of(b"dog", duration=value) for value in seconds]
    answer = served.signatures["targets"](examples=tf.constant(examples))
    names = ["0-0.5 s"] * 2 + ["0.5-1 s"] * 2 + ["1-2 s", "5-10 s", "10-30 s", "60-300 s"]
    names.append("over 300 s")
    assert [name.decode() for name in answer["duration"].numpy()] == [*names, "unknown"]


def test_targets_of_clips_with_several_labels(parts: tuple[keras.Model, keras.Model]) -> None:
    model = ServedClassifier(
        parts[0], PooledHead(parts[1]), CLASSES, FrontEnd(), thresholds=[0.5] * 3
    )
    examples = tf.constant([example_of(b"chat noir", b"dog"), example_of(), example_of(b"cat")])
    targets = model.read_targets(examples)["targets"]
    assert targets.numpy().tolist() == [[1, 0, 1], [0, 0, 0], [0, 1, 0]]


def test_model_of_released_embeddings_takes_them_and_sound(clips: list[np.ndarray]) -> None:
    rng = np.random.default_rng(2)
    network = build_features("embedding", random_weights(0))
    pca = Postprocessor(np.linalg.qr(rng.normal(size=(128, 128)))[0] * 40, rng.normal(size=128))
    released = ReleasedEmbedding(network, pca)
    head = keras.Sequential([keras.Input([128]), keras.layers.Dense(3, activation="softmax")])
    model = ServedClassifier(
        released, PooledHead(head), CLASSES, FrontEnd(), thresholds=[0.5] * 3, embedding_size=128
    )

    windows = np.stack([clips[2][s : s + 15_600] for s in (0, HOP, 2 * HOP)])
    embedding = dequantize(pca(network(log_mel_from_windows(tf.constant(windows)))).numpy() * 1.0)
    feature = tf.train.Feature(float_list=tf.train.FloatList(value=embedding.ravel()))
    clip_id = tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"video"]))
    features = tf.train.Features(feature={"embedding": feature, "clip_id": clip_id})
    example = tf.train.Example(features=features).SerializeToString()

    expected = head(embedding.mean(axis=0)[None]).numpy()
    by_example = model.classify_examples(tf.constant([example]))
    np.testing.assert_allclose(by_example["scores"], expected, atol=1e-5)
    by_sound = model.classify_waveform(tf.constant(clips[2][None]))
    # A value on the edge of a step may fall to either side.
    np.testing.assert_allclose(by_sound["scores"], expected, atol=5e-3)


@pytest.fixture(scope="module", params=["mean", "attention"])
def of_embeddings(request: pytest.FixtureRequest, tmp_path_factory: Any) -> tuple[Any, PooledHead]:
    """A model of embeddings of 5 numbers from an unknown network, and its head."""
    keras.utils.set_random_seed(1)
    pooled = np.zeros([1, 5], np.float32)
    scores = build_frozen_head(ModelSettings(pooling=request.param, hidden=()), 3, pooled)
    head = PooledHead(scores, request.param)
    folder = str(tmp_path_factory.mktemp("embeddings"))
    ServedClassifier(None, head, CLASSES, FrontEnd(), thresholds=None, embedding_size=5).save(
        folder
    )
    return tf.saved_model.load(folder), head


def test_embeddings_are_filled_up_with_nan(of_embeddings: tuple[Any, PooledHead]) -> None:
    model, head = of_embeddings
    assert set(model.signatures) == {"examples", "embeddings", "targets"}
    rng = np.random.default_rng(0)
    clips = [rng.normal(size=[n, 5]).astype(np.float32) for n in (3, 1, 200)]
    filled = np.full([3, 200, 5], np.nan, np.float32)
    for row, clip in zip(filled, clips, strict=True):
        row[: len(clip)] = clip
    expected = np.concatenate([head(tf.RaggedTensor.from_tensor(clip[None])) for clip in clips])
    outputs = model.signatures["embeddings"](embeddings=tf.constant(filled))
    np.testing.assert_allclose(outputs["scores"], expected, atol=1e-6)
    assert set(outputs["error"].numpy()) == {b""}
    examples = [
        serialized_example({"clip_id": bytes_feature([b"x"]), "embedding": float_feature(values)})
        for values in (clip.ravel() for clip in clips)
    ]
    by_examples = model.signatures["examples"](examples=tf.constant(examples))
    np.testing.assert_allclose(by_examples["scores"], expected, atol=1e-6)


def test_bad_embeddings_have_their_sentence(of_embeddings: tuple[Any, PooledHead]) -> None:
    model, _ = of_embeddings
    batch = np.ones([5, 3, 5], np.float32)
    batch[1, :] = np.nan
    batch[2, 1, 4] = np.inf
    batch[3, 0] = np.nan  # A gap.
    batch[4, 2, 0] = np.nan
    outputs = model.signatures["embeddings"](embeddings=tf.constant(batch))
    errors = [error.decode() for error in outputs["error"].numpy()]
    assert errors[0] == ""
    assert errors[1] == "The item holds no windows; send at least one."
    assert all("holds numbers that are not finite" in error for error in errors[2:])
    assert outputs["label"].numpy()[1:].tolist() == [b""] * 4
    with pytest.raises(tf.errors.InvalidArgumentError, match="holds no windows"):
        model.signatures["embeddings"](embeddings=tf.zeros([1, 0, 5]))


@pytest.mark.parametrize("signature", ["serving_default", "embed"])
def test_other_rates_are_resampled(
    served: Any, parts: tuple[keras.Model, keras.Model], clips: list[np.ndarray], signature: str
) -> None:
    name = "scores" if signature == "serving_default" else "embedding"
    file = wav(clips[1], 8_000)
    heard = samples_from_pcm16(pcm16_from_samples(decode(io.BytesIO(file)).samples))
    expected = served.signatures[signature](audio_bytes=tf.constant([wav(heard)]))[name]
    found = served.signatures[signature](audio_bytes=tf.constant([file, file]))[name]
    np.testing.assert_allclose(found, np.repeat(expected, 2, axis=0), atol=1e-3)


def test_a_clip_of_the_length_that_ingestion_lets_in_is_served(served: Any) -> None:
    longest = np.zeros([1, int(IngestSettings().max_seconds * 16_000)], np.float32)
    answer = served.signatures["waveform"](waveform=tf.constant(longest))
    assert answer["error"].numpy().tolist() == [b""]
    longer = tf.constant(np.pad(longest, [[0, 0], [0, 1]]))
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"The item .* limit is 600 seconds"):
        served.signatures["waveform"](waveform=longer)
    file = wav(np.zeros(600 * 8_000), 8_000)
    answer = served.signatures["serving_default"](audio_bytes=tf.constant([file]))
    assert answer["error"].numpy().tolist() == [b""]


class FewWindows(tf.Module):
    """Features that fail where more than one batch of windows comes at once."""

    def __call__(self, log_mel: tf.Tensor, training: bool) -> tf.Tensor:
        del training
        with tf.control_dependencies([tf.debugging.assert_less_equal(tf.shape(log_mel)[0], 64)]):
            return tf.reduce_mean(log_mel, axis=1)


class FewPadded(tf.Module):
    """A head that pads clips to the longest, and fails where that needs much memory."""

    def __call__(self, embedding: tf.RaggedTensor) -> tf.Tensor:
        size = tf.size(embedding.to_tensor()) // 64
        with tf.control_dependencies([tf.debugging.assert_less_equal(size, 64 * 64)]):
            return tf.math.softmax(tf.reduce_mean(embedding, axis=1)[:, :3])


def test_the_network_and_the_head_get_few_windows_at_once() -> None:
    model = ServedClassifier(FewWindows(), FewPadded(), CLASSES, FrontEnd(), thresholds=None)
    noise = np.random.default_rng(0).normal(0, 0.1, 3_000_000)
    clips = [pcm16_from_samples(noise[:size]) for size in [16_000] * 150 + [3_000_000] + [9] * 40]
    examples = [
        tf.train.Example(
            features=tf.train.Features(
                feature={"pcm": tf.train.Feature(bytes_list=tf.train.BytesList(value=[clip]))}
            )
        ).SerializeToString()
        for clip in clips
    ]
    together = model.classify_examples(tf.constant(examples))["scores"].numpy()
    for i in (0, 149, 150, 151):
        alone = model.classify_examples(tf.constant(examples[i : i + 1]))["scores"].numpy()
        np.testing.assert_allclose(together[i : i + 1], alone, atol=1e-6)


def test_a_faulty_waveform_fails_alone(served: Any, clips: list[np.ndarray]) -> None:
    good = clips[1]
    bad = np.where(np.arange(good.size) == 7, np.nan, good)
    waveform = tf.constant(np.stack([bad, good]), tf.float32)
    answer = served.signatures["waveform"](waveform=waveform)
    errors = [text.decode() for text in answer["error"].numpy()]
    assert errors == ["The item " + NOT_FINITE, ""]
    alone = served.signatures["waveform"](waveform=waveform[1:])
    for name, value in alone.items():
        np.testing.assert_array_equal(answer[name][1:], value)
    assert not answer["scores"][0].numpy().any()


NOT_FINITE = "holds samples that are not finite numbers; export it again."


@pytest.mark.parametrize(
    ("waveform", "sentence"),
    [
        (np.zeros([2, 0]), "The item holds no samples"),
        (np.array([[0.0, np.inf], [0.0, np.nan]]), "The item " + NOT_FINITE),
    ],
    ids=["empty", "nan"],
)
def test_waveforms_that_are_all_faulty_are_refused_in_a_sentence(
    served: Any, waveform: np.ndarray, sentence: str
) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match=sentence):
        served.signatures["waveform"](waveform=tf.constant(waveform, tf.float32))


@pytest.mark.parametrize("network", ["vggish", "yamnet"])
def test_a_network_of_convolutions_refuses_files_that_are_all_faulty_in_a_sentence(
    network: str,
) -> None:
    """No window is left then, and oneDNN's convolutions fail with an empty batch."""
    chosen = NETWORKS[network]
    features = build_features("embedding", random_weights(0, network), network=network)
    head = keras.Sequential([keras.Input([features.output_shape[-1]]), keras.layers.Dense(3)])
    model = ServedClassifier(features, PooledHead(head), CLASSES, chosen.front_end, thresholds=None)
    with pytest.raises(tf.errors.InvalidArgumentError, match="The item is not a WAV file"):
        model.classify_wav(tf.constant([b"no sound"]))
    assert model.embed_windows(tf.zeros([0, 15_600]))["embedding"].shape == (0, head.input_shape[1])


def test_no_class_is_decided_on_for_a_faulty_file_of_several_labels(
    parts: tuple[keras.Model, keras.Model], clips: list[np.ndarray]
) -> None:
    model = ServedClassifier(
        parts[0], PooledHead(parts[1]), CLASSES, FrontEnd(), thresholds=[0.0] * 3
    )
    decisions = model.classify_wav(tf.constant([wav(clips[0]), b"no sound"]))["decisions"]
    assert decisions.numpy().tolist() == [[True] * 3, [False] * 3]


@pytest.mark.parametrize(
    ("signature", "request_of_none"),
    [
        ("serving_default", {"audio_bytes": np.array([], np.bytes_)}),
        ("embed", {"audio_bytes": np.array([], np.bytes_)}),
        ("examples", {"examples": np.array([], np.bytes_)}),
        ("waveform", {"waveform": np.zeros([0, 16_000], np.float32)}),
    ],
)
def test_a_request_without_items_has_an_answer_without_items(
    served: Any, signature: str, request_of_none: dict[str, np.ndarray]
) -> None:
    request = {name: tf.constant(values) for name, values in request_of_none.items()}
    answer = served.signatures[signature](**request)
    assert {len(values) for values in answer.values()} == {0}


def test_model_card_is_read_back(tmp_path: Path) -> None:
    write_model_card(str(tmp_path), {"classes": ["ü"]})
    assert read_model_card(str(tmp_path)) == {"classes": ["ü"]}
    assert (tmp_path / "assets.extra" / "model_card.json").is_file()


def test_yamnet_is_served_with_its_own_front_end() -> None:
    weights = random_weights(0, "yamnet")
    network = build_features("embedding", weights, network="yamnet")

    class First(tf.Module):
        def __call__(self, features: tf.RaggedTensor) -> tf.Tensor:
            return tf.nn.softmax(tf.reduce_mean(features, axis=1)[:, :3])

    model = ServedClassifier(network, First(), CLASSES, YAMNET.front_end, thresholds=None)
    samples = np.random.default_rng(3).normal(0, 0.1, 30_000).astype(np.float32)
    heard = pcm16_from_samples(samples)
    files = tf.constant([wav(samples_from_pcm16(heard))])
    embedder = Embedder("embedding", weights, network="yamnet")
    ((_, windows),) = embedder.embed([(0, samples_from_pcm16(heard))])
    assert len(windows) == 3  # 14,400 samples after the first window fill two more.
    native = windows.mean(axis=0)
    found = model.embed_wav(files)["embedding"]
    np.testing.assert_allclose(found[0], native, rtol=1e-4, atol=1e-5)
    scores = model.classify_wav(files)["scores"]
    np.testing.assert_allclose(scores[0], tf.nn.softmax(native[:3]), atol=1e-6)
