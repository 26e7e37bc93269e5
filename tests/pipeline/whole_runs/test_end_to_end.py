"""Whole pipelines, as a person starts them: in processes of their own, killed and started again."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import ml_metadata as mlmd
import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile
import tensorflow as tf
from ml_metadata.proto import metadata_store_pb2

from pipeline.demo.sound_synthesizer import write_sound_set
from pipeline.demo.soundscape import write_soundscape
from pipeline.runners.past_runs import read_past_runs

CLASSES = 10
CLIPS_A_CLASS = 12
BROKEN = 5
NODES = {
    "AudioExampleGen",
    "SchemaImporter",
    "NetworkImporter",
    "StatisticsGen",
    "ExampleValidator",
    "Transform",
    "EmbeddingExporter",
    "HeadTrainer",
    "PushedModelFinder",
    "Evaluator",
    "ModelSelector",
    "ServingValidator",
    "Pusher",
    "BatchPredictor",
    "Report",
}
"""All of them, by the kinds of their executions."""

MODELS = ("dense", "neighbours")
IDS_OF_A_MODEL = {"HeadTrainer": "Trainer", "Evaluator": "Evaluator"}


def number_of(node: str) -> int:
    return len(MODELS) if node in IDS_OF_A_MODEL else 1


def node_ids(nodes: set[str]) -> set[str]:
    ids = [IDS_OF_A_MODEL[node] for node in nodes & IDS_OF_A_MODEL.keys()]
    several = {f"{name}_{model}" for name in ids for model in MODELS}
    named = {"LatestPushedModel" if node == "PushedModelFinder" else node for node in nodes}
    return named - IDS_OF_A_MODEL.keys() | several


# Nothing of this project: what a server that has only TensorFlow would do.
SERVE = """
import json, sys
import tensorflow as tf
wavs = [open(path, "rb").read() for path in sys.argv[2:]]
with tf.compat.v1.Session(graph=tf.Graph()) as session:  # As TensorFlow Serving loads a model.
    loaded = tf.compat.v1.saved_model.load(session, ["serve"], sys.argv[1])
    signature = loaded.signature_def["serving_default"]
    fetches = {key: output.name for key, output in signature.outputs.items()}
    answer = session.run(fetches, {signature.inputs["audio_bytes"].name: wavs})
ours = {"vggish", "components", "trainer", "pipeline", "tfx", "apache_beam"} & set(sys.modules)
print(json.dumps({"ours": sorted(ours), "labels": [l.decode() for l in answer["label"]],
                  "scores": answer["scores"].tolist()}))
"""


def command(sounds: Path, output: Path) -> list[str]:
    return [
        str(Path(sys.executable).with_name("vggish-tfx")),
        "run",
        "configs/demo.yaml",
        f"--data-root={sounds}",
        f"--output={output}",
        "--set=evaluate.min_score=0.5",
        "--set=evaluate.max_drop=1",
        "--set=ingest.max_reject_fraction=0.1",
        f"--set=predict.recordings={sounds.with_name('recordings')}",
        "--set=predict.windows.min_score=0.15",
        "--set=model=[{head: dense}, {head: knn, name: neighbours}]",
    ]


@dataclass(frozen=True)
class Run:
    """A finished run: what it printed and left."""

    screen: str
    folder: Path
    summary: dict


def run(sounds: Path, output: Path) -> Run:
    done = subprocess.run(command(sounds, output), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + (output / "run.log").read_text()[-5000:]
    summary = json.loads((output / "summary.json").read_text())
    return Run(done.stdout + done.stderr, output, summary)


def executions(folder: Path) -> Counter:
    """Counts executions by node and state."""
    store = open_metadata(folder)
    names = {t.id: t.name.rsplit(".", 1)[-1] for t in store.get_execution_types()}
    state = metadata_store_pb2.Execution.State.Name
    return Counter((names[e.type_id], state(e.last_known_state)) for e in store.get_executions())


def open_metadata(folder: Path) -> mlmd.MetadataStore:
    connection = metadata_store_pb2.ConnectionConfig()
    connection.sqlite.filename_uri = str(folder / "metadata.db")
    connection.sqlite.connection_mode = metadata_store_pb2.SqliteMetadataSourceConfig.READONLY
    return mlmd.MetadataStore(connection)


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "sounds"
    write_sound_set(folder, clips_per_class=CLIPS_A_CLASS)
    recordings = folder.with_name("recordings")
    recordings.mkdir()
    write_soundscape(recordings / "a.wav")
    scene, rate = soundfile.read(recordings / "a.wav")
    soundfile.write(recordings / "a.wav", scene[: 60 * rate], rate)
    (recordings / "b.wav").write_text("no sound")
    return folder


@pytest.fixture(scope="module")
def first(sounds: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run(sounds, tmp_path_factory.mktemp("run"))


def test_first_run_accounts_for_every_file_and_pushes(first: Run) -> None:
    assert executions(first.folder) == Counter(
        {(node, "COMPLETE"): number_of(node) for node in NODES}
    )
    clips = first.summary["clips"]
    assert clips["found"] == CLASSES * CLIPS_A_CLASS + BROKEN
    assert clips["accepted"] == CLASSES * CLIPS_A_CLASS == sum(clips["by_split"].values())
    assert clips["by_reason"] == {"empty": 1, "non_finite": 1, "unreadable": 3}
    assert first.summary["blessed"]
    assert first.summary["model"]["weights"] == "random"
    assert first.summary["cached"] == []
    assert set(first.summary["seconds"]) == node_ids(NODES) | {"total"}
    assert (first.folder / "report.html").read_text().startswith("<!doctype html>")


def test_log_mel_is_in_gzip_files_whose_content_is_stored_as_it_is(first: Run) -> None:
    folder = first.folder / "pipeline/Transform/transformed_examples"
    files = sorted(folder.glob("*/Split-*/*.gz"))
    records = tf.data.TFRecordDataset(list(map(str, files)), "GZIP").as_numpy_iterator()
    sizes = [len(record) for record in records]
    assert len(sizes) == CLASSES * CLIPS_A_CLASS
    assert sum(sizes) < sum(file.stat().st_size for file in files) < 1.01 * sum(sizes)


def test_screen_is_quiet_and_says_what_matters(first: Run) -> None:
    lines = first.screen.splitlines()
    assert len(lines) < 40
    assert "WARNING" not in first.screen
    for node in node_ids(NODES):
        assert any(node in line and " s" in line for line in lines), node
    assert "125 found, 120 accepted, 5 rejected" in first.screen
    assert "(1 empty, 1 non_finite, 3 unreadable)" in first.screen
    assert "NOT the released VGGish" in first.screen
    assert first.summary["pushed_path"] in first.screen


def test_pushed_model_serves_raw_sounds_with_tensorflow_alone(first: Run, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    files = []
    for seconds, rate in ((0.3, 16_000), (1.0, 44_100), (2.5, 8_000)):
        files.append(str(tmp_path / f"{seconds}.wav"))
        soundfile.write(files[-1], rng.normal(0, 0.1, int(rate * seconds)), rate)
    model = first.summary["pushed_path"]
    served = subprocess.run(
        [sys.executable, "-c", SERVE, model, *files],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    answer = json.loads(served.stdout)
    assert answer["ours"] == []

    vggish_tfx = str(Path(sys.executable).with_name("vggish-tfx"))
    printed = subprocess.run(
        [vggish_tfx, "predict", model, *files], capture_output=True, text=True, check=True
    )
    assert printed.stderr == ""
    predictions = [json.loads(line) for line in printed.stdout.splitlines()]
    assert [p["clip"] for p in predictions] == files
    assert [p["label"] for p in predictions] == answer["labels"]
    for prediction, scores in zip(predictions, answer["scores"], strict=True):
        np.testing.assert_allclose(sorted(prediction["scores"].values()), sorted(scores), atol=1e-3)


def test_best_model_on_eval_is_pushed_and_all_are_kept(first: Run) -> None:
    models = first.summary["models"]
    assert [model["name"] for model in models] == list(MODELS)
    scores = [(m["metrics"]["eval"]["accuracy"], -m["metrics"]["eval"]["loss"]) for m in models]
    best = models[scores.index(max(scores))]
    assert [model["chosen"] for model in models] == [model is best for model in models]
    assert all(0 <= model["metrics"]["test"]["calibration_error"] <= 1 for model in models)
    assert first.summary["model"]["name"] == best["name"]
    card = Path(first.summary["pushed_path"], "assets.extra", "model_card.json")
    assert json.loads(card.read_text())["name"] == best["name"]
    (past,) = read_past_runs(first.folder)
    assert past.summary["models"] == models
    assert past.summary["config"]["evaluate"]["max_drop"] == 1
    assert "neighbours" in first.screen


def test_tables_are_at_stable_paths(first: Run) -> None:
    test = pq.read_table(first.summary["test_predictions"]).to_pandas()
    assert Path(first.summary["test_predictions"]) == first.folder / "test_predictions.parquet"
    right = (test["true"] == test["predicted"]).mean()
    assert right == pytest.approx(first.summary["metrics"]["test"]["accuracy"])
    assert set(test["split"]) == {"test"}
    embeddings = (first.folder / "embeddings").glob("*.parquet")
    embedded = sum(pq.read_metadata(file).num_rows for file in embeddings)
    assert embedded == first.summary["clips"]["accepted"]
    (kept,) = (first.folder / "history").iterdir()
    assert (first.folder / "latest").resolve() == kept


def test_events_are_those_of_detect(first: Run, sounds: Path, tmp_path: Path) -> None:
    recordings = sounds.with_name("recordings")
    vggish_tfx = str(Path(sys.executable).with_name("vggish-tfx"))
    events = tmp_path / "events.csv"
    words = ["detect", first.folder, recordings, "-o", events, "--min-score=0.15"]
    detected = subprocess.run([vggish_tfx, *words], capture_output=True, text=True, check=False)
    assert detected.returncode == 1
    found = (first.folder / "events.csv").read_bytes()
    assert found == events.read_bytes()
    assert found.count(b"\n") > 3
    lines = (first.folder / "recordings.jsonl").read_text().splitlines()
    heard, refused = map(json.loads, lines)
    assert heard == {
        "file": f"{recordings}/a.wav", "seconds": 60, "windows": 124,
        "events": found.count(b"\n") - 1, "error": None,
    }  # fmt: skip
    assert refused["error"] in detected.stderr


def test_lineage_leads_from_the_pushed_model_to_checkpoint_and_clips(first: Run) -> None:
    store = open_metadata(first.folder)
    producers, consumed = {}, {}
    for event in store.get_events_by_execution_ids([e.id for e in store.get_executions()]):
        if event.type == metadata_store_pb2.Event.OUTPUT:
            producers[event.artifact_id] = event.execution_id
        else:
            consumed.setdefault(event.execution_id, set()).add(event.artifact_id)
    (pushed,) = store.get_artifacts_by_type("PushedModel")
    open_ids, ancestors = [pushed.id], set()
    while open_ids:
        artifact = open_ids.pop()
        ancestors.add(artifact)
        open_ids += consumed.get(producers.get(artifact), set()) - ancestors
    found = {a.id: a for a in store.get_artifacts_by_id(list(ancestors))}
    weights = [a for a in found.values() if "/NetworkImporter/weights/" in a.uri]
    clips = [a for a in found.values() if "/AudioExampleGen/examples/" in a.uri]
    assert [w.custom_properties["weights"].string_value for w in weights] == ["random"]
    assert len(weights[0].custom_properties["sha256"].string_value) == 64
    assert len(clips) == 1


def test_same_run_again_is_cached(first: Run, sounds: Path) -> None:
    again = run(sounds, first.folder)
    assert executions(first.folder) == Counter(
        {(node, "COMPLETE"): number_of(node) for node in NODES}
        | {(node, "CACHED"): number_of(node) for node in NODES}
    )
    assert set(again.summary["cached"]) == node_ids(NODES)
    for key in ("clips", "metrics", "pushed_path", "blessed"):
        assert again.summary[key] == first.summary[key]
    assert len(list((first.folder / "serving").iterdir())) == 1


def test_killed_run_with_one_more_sound_goes_on(first: Run, sounds: Path) -> None:
    # Runs after the cached run: pytest keeps the order of the file.
    before = executions(first.folder)
    (sounds / "bell" / "one_more.wav").write_bytes((sounds / "bell" / "bell_001.wav").read_bytes())
    embeddings = first.folder / "pipeline" / "EmbeddingExporter" / "embeddings"
    finished = set(embeddings.glob("*/Split-train"))
    process = subprocess.Popen(
        command(sounds, first.folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 300
    while not set(embeddings.glob("*/Split-train")) - finished and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert executions(first.folder)["EmbeddingExporter", "RUNNING"] == 1

    resumed = run(sounds, first.folder)
    assert resumed.summary["clips"]["found"] == CLASSES * CLIPS_A_CLASS + BROKEN + 1
    independent = {"SchemaImporter", "NetworkImporter"}
    done = executions(first.folder) - before
    assert {node: done[node, "COMPLETE"] for node in NODES} == {
        node: 0 if node in independent else number_of(node) for node in NODES
    }
    assert "Transform" in resumed.summary["cached"]
    assert "EmbeddingExporter" not in resumed.summary["cached"]
    assert len(list((first.folder / "serving").iterdir())) == 2
