"""The exported model as clients of TensorFlow Serving meet it, by REST and by gRPC's messages.

Every test runs against the server's rules in this process, and, where `tensorflow_model_server` is
installed, against the server itself.
"""

import base64
import io
import json
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keras
import numpy as np
import pytest
import soundfile
import tensorflow as tf
from model_server import BINARY, ModelServer
from serving_rules import RequestError, ServingRules
from tensorflow_serving.apis.predict_pb2 import PredictRequest
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

from schema.model_card import WARMUP_FILE
from trainer.heads.pooling import PooledHead
from trainer.serving.served_classifier import ServedClassifier
from trainer.serving.warmup_requests import write_warmup_requests
from vggish.audio.decoding import decode, pcm16_from_samples, samples_from_pcm16
from vggish.networks.layer_taps import build_features
from vggish.networks.network import FrontEnd

CLASSES = ["dog", "château", "Ωμέγα"]

Server = ServingRules | ModelServer


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A version folder, as the Pusher leaves it."""
    keras.utils.set_random_seed(0)
    head = keras.Sequential([keras.Input([40]), keras.layers.Dense(3, activation="softmax")])
    folder = tmp_path_factory.mktemp("sounds") / "1"
    network = build_features("mfcc", None)
    served = ServedClassifier(network, PooledHead(head), CLASSES, FrontEnd(), thresholds=None)
    served.save(str(folder))
    write_warmup_requests(str(folder))
    return folder


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(ServingRules, id="rules"),
        pytest.param(
            ModelServer,
            id="server",
            marks=[
                pytest.mark.tf_serving,
                pytest.mark.skipif(not BINARY, reason="there is no tensorflow_model_server"),
            ],
        ),
    ],
)
def server(request: pytest.FixtureRequest, model: Path) -> Iterator[Server]:
    server = request.param(model)
    yield server
    server.close()


def wav(samples: np.ndarray, rate: int = 16_000, subtype: str = "PCM_16") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, subtype, format="WAV")
    return file.getvalue()


def encoded(file: bytes) -> dict[str, str]:
    return {"b64": base64.b64encode(file).decode()}


FILES = [
    wav(np.random.default_rng(i).normal(0, 0.1 * (i + 1), size), rate)
    for i, (size, rate) in enumerate([(5_000, 16_000), (44_100, 44_100), (400, 8_000)])
]
CLIPS = [samples_from_pcm16(pcm16_from_samples(decode(io.BytesIO(file)).samples)) for file in FILES]


def example(file: bytes) -> bytes:
    pcm = tf.train.BytesList(value=[pcm16_from_samples(decode(io.BytesIO(file)).samples)])
    feature = {"pcm": tf.train.Feature(bytes_list=pcm)}
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()


def answer(server: Server, **body: object) -> dict:
    status, document = server.post(json.dumps(body))
    assert status == 200, document
    return document


def refusal(server: Server, body: object) -> str:
    status, document = server.post(body if isinstance(body, str) else json.dumps(body))
    assert status == 400
    assert document.keys() == {"error"}
    return document["error"]


def check_rows(rows: list[dict]) -> None:
    for row in rows:
        assert row.keys() == {"scores", "labels", "label", "decisions", "error"}
        assert row["error"] == ""
        assert row["labels"] == CLASSES
        assert sum(row["scores"]) == pytest.approx(1, abs=1e-5)
        top = int(np.argmax(row["scores"]))
        assert row["label"] == CLASSES[top]
        assert row["decisions"] == [c == top for c in range(len(CLASSES))]


def test_rows_with_and_without_the_input_named(server: Server) -> None:
    plain = answer(server, instances=[encoded(file) for file in FILES])
    named = answer(server, instances=[{"audio_bytes": encoded(file)} for file in FILES])
    assert plain.keys() == {"predictions"}
    check_rows(plain["predictions"])
    assert len(plain["predictions"]) == len(FILES)
    assert plain == named


def test_columns_say_the_same_as_rows(server: Server) -> None:
    rows = answer(server, instances=[encoded(file) for file in FILES])["predictions"]
    plain = answer(server, inputs=[encoded(file) for file in FILES])
    named = answer(server, inputs={"audio_bytes": [encoded(file) for file in FILES]})
    assert plain == named
    columns = plain["outputs"]
    assert columns["label"] == [row["label"] for row in rows]
    assert columns["labels"] == [row["labels"] for row in rows]
    np.testing.assert_allclose(columns["scores"], [row["scores"] for row in rows], atol=1e-6)


def test_embeddings_come_with_their_errors(server: Server) -> None:
    instances = [encoded(file) for file in FILES]
    rows = answer(server, signature_name="embed", instances=instances)["predictions"]
    columns = answer(server, signature_name="embed", inputs=instances)["outputs"]
    assert columns["error"] == [row["error"] for row in rows] == ["", "", ""]
    assert np.shape(columns["embedding"]) == (3, 40)
    np.testing.assert_allclose(columns["embedding"], [row["embedding"] for row in rows], atol=1e-5)


def test_every_signature_gives_the_same_scores(server: Server) -> None:
    for file, clip in zip(FILES, CLIPS, strict=True):
        (by_wav,) = answer(server, instances=[encoded(file)])["predictions"]
        (by_waveform,) = answer(server, signature_name="waveform", instances=[clip.tolist()])[
            "predictions"
        ]
        (by_example,) = answer(
            server, signature_name="examples", instances=[encoded(example(file))]
        )["predictions"]
        check_rows([by_wav, by_waveform, by_example])
        np.testing.assert_allclose(by_waveform["scores"], by_wav["scores"], atol=1e-3)
        np.testing.assert_allclose(by_example["scores"], by_wav["scores"], atol=1e-3)


def test_predict_requests_say_the_same_as_rest(server: Server) -> None:
    request = PredictRequest(inputs={"audio_bytes": tf.make_tensor_proto(FILES)})
    outputs = server.predict(request).outputs
    assert outputs.keys() == {"scores", "labels", "label", "decisions", "error"}
    rows = answer(server, instances=[encoded(file) for file in FILES])["predictions"]
    scores = tf.make_ndarray(outputs["scores"])
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, [row["scores"] for row in rows], atol=1e-6)
    assert [label.decode() for label in tf.make_ndarray(outputs["label"])] == [
        row["label"] for row in rows
    ]
    request.output_filter.append("label")
    assert server.predict(request).outputs.keys() == {"label"}


def test_requests_at_the_same_time_get_their_own_answers(server: Server) -> None:
    rng = np.random.default_rng(3)
    bodies = [
        json.dumps({"instances": [encoded(wav(rng.normal(0, 0.1, 4_000)))]}) for _ in range(20)
    ]
    alone = [server.post(body) for body in bodies]
    with ThreadPoolExecutor(50) as pool:
        together = list(pool.map(server.post, bodies * 10))
    for (status, answer), (_, expected) in zip(together, alone * 10, strict=True):
        assert status == 200
        scores = [row["scores"] for row in answer["predictions"]]
        assert scores == pytest.approx(np.array([r["scores"] for r in expected["predictions"]]))


@pytest.mark.tf_serving
@pytest.mark.skipif(not BINARY, reason="there is no tensorflow_model_server")
def test_a_new_version_takes_over_under_load(model: Path, tmp_path: Path) -> None:
    shutil.copytree(model, tmp_path / "sounds" / "1")
    server = ModelServer(tmp_path / "sounds" / "1")
    body = json.dumps({"instances": [encoded(wav(np.zeros(4_000)))]})
    try:
        with ThreadPoolExecutor(8) as pool:
            shutil.copytree(model, tmp_path / "copy")
            (tmp_path / "copy").rename(tmp_path / "sounds" / "2")
            end = time.monotonic() + 60
            while server.available_versions() != {"2"}:
                assert time.monotonic() < end
                assert {status for status, _ in pool.map(server.post, [body] * 16)} == {200}
    finally:
        server.close()


def test_an_empty_batch_has_empty_answers(server: Server) -> None:
    columns = answer(server, inputs=[])["outputs"]
    assert columns == {"scores": [], "labels": [], "label": [], "decisions": [], "error": []}
    windows = answer(server, signature_name="windows", inputs=[])["outputs"]
    assert windows == {"scores": [], "starts": [], "mask": [], "labels": [], "error": []}
    embedded = answer(server, signature_name="embed", inputs=[])["outputs"]
    assert embedded == {"embedding": [], "error": []}
    nothing = tf.make_tensor_proto(np.array([], object), tf.string, shape=[0])
    outputs = server.predict(PredictRequest(inputs={"audio_bytes": nothing})).outputs
    assert tf.make_ndarray(outputs["scores"]).shape == (0, 3)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("", "JSON Parse error"),
        ("{", "JSON Parse error"),
        ([], "object"),
        ({}, "'inputs'"),
        ({"instances": []}, "'instances'"),
        ({"instances": "abc"}, "'instances'"),
        ({"instances": ["x"], "inputs": ["x"]}, "'instances'"),
        ({"instances": ["x"], "signature_name": 1}, "'signature_name'"),
        ({"instances": [{"b64": "%%%%"}]}, "base64"),
        ({"instances": [{"b64": 1}]}, "audio_bytes"),
        ({"instances": [{"audio": "x"}]}, "audio"),
        ({"instances": [{"audio_bytes": "x"}, "x"]}, "object"),
        ({"instances": [1]}, "string"),
        ({"inputs": {"audio": ["x"]}}, "audio_bytes"),
        ({"inputs": "x"}, ""),
        ({"instances": [["x"]]}, ""),
        ({"instances": [[0.0], [0.0, 0.0]], "signature_name": "waveform"}, "size"),
        ({"instances": [["a"]], "signature_name": "waveform"}, "float"),
    ],
)  # fmt: skip
def test_malformed_bodies_are_refused(server: Server, body: object, sentence: str) -> None:
    assert sentence in refusal(server, body)


def test_one_bad_file_of_32_leaves_31_answers(server: Server) -> None:
    instances = [encoded(FILES[i % 3]) for i in range(32)]
    expected = answer(server, instances=instances)["predictions"]
    instances[17] = encoded(b"no sound")
    found = answer(server, instances=instances)["predictions"]
    bad = found.pop(17)
    del expected[17]
    assert "The item is not a WAV file" in bad.pop("error")
    no = [False] * 3
    assert bad == {"scores": [0, 0, 0], "labels": CLASSES, "label": "", "decisions": no}
    check_rows(found)
    for row, same in zip(found, expected, strict=True):
        assert row["scores"] == pytest.approx(same["scores"], abs=1e-5)


def test_the_embedding_of_a_bad_file_is_no_number(server: Server) -> None:
    instances = [encoded(FILES[0]), encoded(b"no sound")]
    columns = answer(server, signature_name="embed", inputs=instances)["outputs"]
    assert np.isfinite(columns["embedding"][0]).all()
    assert np.isnan(columns["embedding"][1]).all()
    assert columns["error"][0] == ""
    assert "is not a WAV file" in columns["error"][1]


@pytest.mark.parametrize("signature", ["serving_default", "embed", "windows"])
def test_only_bad_files_are_an_error_status(server: Server, signature: str) -> None:
    instances = [encoded(b"no sound"), encoded(wav(np.zeros(0))), encoded(b"RIFF")]
    message = refusal(server, {"signature_name": signature, "instances": instances})
    assert "The item is not a WAV file" in message
    assert "The item holds no samples" in message
    request = PredictRequest(inputs={"audio_bytes": tf.make_tensor_proto([b"RIFF"])})
    request.model_spec.signature_name = signature
    with pytest.raises(RequestError, match="The item is not a WAV file"):
        server.predict(request)
    check_rows(answer(server, instances=[encoded(FILES[0])])["predictions"])


def test_every_window_is_scored_as_a_file_of_its_own(server: Server) -> None:
    rng = np.random.default_rng(5)
    long, short = rng.normal(0, 0.1, 32_000), rng.normal(0, 0.1, 4_000)
    files = [wav(short), b"no sound", wav(long), wav(np.tile(np.nan, 400), 16_000, "FLOAT")]
    instances = [encoded(file) for file in files]
    columns = answer(server, signature_name="windows", inputs=instances)["outputs"]
    rows = answer(server, signature_name="windows", instances=instances)["predictions"]
    assert columns["mask"] == [[True, *[False] * 3], [False] * 4, [True] * 4, [False] * 4]
    assert columns["starts"][2] == pytest.approx([0, 0.48, 0.96, 1.44])
    assert columns["labels"] == [CLASSES] * 4
    assert [row["error"] == "" for row in rows] == [True, False, True, False]
    assert "not finite" in rows[3]["error"]
    heard = samples_from_pcm16(pcm16_from_samples(long))
    parts = [wav(heard[start : start + 15_600]) for start in range(0, 4 * 7_680, 7_680)]
    expected = answer(server, instances=[encoded(part) for part in [files[0], *parts]])
    expected = [row["scores"] for row in expected["predictions"]]
    np.testing.assert_allclose(columns["scores"][2], expected[1:], atol=1e-5)
    np.testing.assert_allclose(columns["scores"][0][0], expected[0], atol=1e-5)
    none = np.zeros((4, 3))
    np.testing.assert_array_equal([columns["scores"][1], columns["scores"][3]], [none, none])
    np.testing.assert_allclose([row["scores"] for row in rows], columns["scores"], atol=1e-6)


def test_a_waveform_is_refused_in_a_sentence(server: Server) -> None:
    waveform = tf.make_tensor_proto(np.array([[0, np.nan]], np.float32))
    request = PredictRequest(inputs={"waveform": waveform})
    request.model_spec.signature_name = "waveform"
    with pytest.raises(RequestError, match="holds samples that are not finite numbers"):
        server.predict(request)


def test_warmup_requests_run_and_are_few(server: Server, model: Path) -> None:
    file = model / "assets.extra" / WARMUP_FILE
    assert file.stat().st_size < 200_000
    warmed = set()
    for record in tf.data.TFRecordDataset(str(file)).as_numpy_iterator():
        request = PredictionLog.FromString(record).predict_log.request
        outputs = server.predict(request).outputs
        (size,) = {proto.tensor_shape.dim[0].size for proto in request.inputs.values()}
        assert {proto.tensor_shape.dim[0].size for proto in outputs.values()} == {size}
        warmed.add((request.model_spec.signature_name, size))
    public = {"serving_default", "waveform", "examples", "embed", "windows"}
    assert warmed == {(name, size) for name in public for size in (1, 8)}


def test_a_model_of_released_embeddings_is_warmed_up_with_embeddings(tmp_path: Path) -> None:
    pooled = [keras.Input([96, 64]), keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(128)]
    head = keras.Sequential([keras.Input([128]), keras.layers.Dense(3, activation="sigmoid")])
    model = ServedClassifier(
        keras.Sequential(pooled),
        PooledHead(head),
        CLASSES,
        FrontEnd(),
        thresholds=[0.5] * 3,
        embedding_size=128,
    )
    write_warmup_requests(str(tmp_path), embedding_size=128)
    sizes = []
    file = tmp_path / "assets.extra" / WARMUP_FILE
    for record in tf.data.TFRecordDataset(str(file)).as_numpy_iterator():
        request = PredictionLog.FromString(record).predict_log.request
        if request.model_spec.signature_name == "examples":
            examples = tf.constant(tf.make_ndarray(request.inputs["examples"]))
            sizes.append(model.classify_examples(examples)["scores"].shape[0])
    assert sizes == [1, 8]
