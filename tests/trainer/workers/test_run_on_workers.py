"""Training on several replicas and processes, next to the same training on one."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import embedded_blobs
import learnable
import numpy as np
import psutil
import pytest
import tensorflow as tf
import trained_blobs
from tfx.components.trainer.fn_args_utils import FnArgs
from transform_graphs import write_transform_graph

from schema.clip_scores import read_clip_scores, scores_file
from trainer.fitting import frozen_head
from trainer.warm_start import training
from trainer.workers.local_workers import SENT, WorkerLostError
from trainer.workers.share import Share
from trainer.workers.strategy import training_strategy
from vggish.errors import ConfigError

# What is drawn for a clip or a batch depends on the batch that a process reads; so none is drawn.
DENSE = {"head": "dense", "hidden": [16], "dropout": 0.0}
ON_SOUND = {
    "hidden": (8,),
    "dropout": 0.0,
    "warm_start": {"freeze_below": "conv4", "augment": {"mask_frames": 0, "mask_bands": 0}},
}
MODELS = {
    "mean": DENSE,
    "attention": {**DENSE, "pooling": "attention"},
    "sound": ON_SOUND,
}
SETTINGS = {
    "mean": {"epochs": 4, "batch_size": 32},  # With a learning rate that is searched first.
    "attention": {"epochs": 4, "batch_size": 32, "learning_rate": 0.02},
    "sound": {"epochs": 2, "batch_size": 4, "learning_rate": 1e-3, "schedule": "constant"},
}

# Two devices must be made before TensorFlow starts, so in a process of its own.
ON_TWO_DEVICES = """
import json, sys
import tensorflow as tf
import trained_blobs
from tfx.components.trainer.fn_args_utils import FnArgs
from trainer.fitting import frozen_head
from trainer.warm_start import training
device = tf.config.LogicalDeviceConfiguration()
tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], [device] * 2)
strategy = tf.distribute.MirroredStrategy(["cpu:0", "cpu:1"])
for name, call in json.load(sys.stdin).items():
    run_fn = training.run_fn if name == "sound" else frozen_head.run_fn
    run_fn.__wrapped__(FnArgs(**call), strategy)
"""


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clips that leave three for the last batch of an epoch, and one for the last to measure."""
    folder = tmp_path_factory.mktemp("inputs")
    write_transform_graph(embedded_blobs.CLASSES, folder / "blobs")
    embedded_blobs.write_clips(folder / "train.parquet", 99, 1)
    embedded_blobs.write_clips(folder / "eval.parquet", 257, 2)
    learnable.write_inputs(folder, train=15)
    return folder


def call_of(name: str, inputs: Path, output: Path, **train: Any) -> FnArgs:
    output.mkdir(exist_ok=True)
    settings = {**SETTINGS[name], **train}
    if name == "sound":
        return learnable.trainer_call(inputs, output, MODELS[name], settings)
    graph = inputs / "blobs" / "transform"
    return trained_blobs.trainer_call(inputs, graph, output, MODELS[name], settings)


def run(name: str, call: FnArgs) -> None:
    (training if name == "sound" else frozen_head).run_fn(call)


@pytest.fixture(scope="module")
def alone(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every model, trained on one device."""
    folder = tmp_path_factory.mktemp("alone")
    for name in MODELS:
        run(name, call_of(name, inputs, folder / name))
    return folder


def history_of(output: Path) -> dict[str, list[float]]:
    return json.loads((output / "model_run" / "history.json").read_text())["history"]


def assert_same(output: Path, expected: Path) -> None:
    """Checks that two trainings were the same but for rounding.

    The bias before a batch normalisation has no gradient but rounding errors, which Adam scales up.
    It changes no loss of a training step, but shifts the moving averages, and thus what is
    measured, a little.
    """
    history, wanted = history_of(output), history_of(expected)
    assert history.keys() == wanted.keys()
    for key, values in wanted.items():
        limit = 5e-3 if key.startswith("val_") else 1e-4
        np.testing.assert_allclose(history[key], values, rtol=limit, atol=1e-9, err_msg=key)
    scores, right = (
        read_clip_scores(str(folder / "model_run" / scores_file("eval")))
        for folder in (output, expected)
    )
    assert scores.keys() == right.keys()
    for clip, values in right.items():
        np.testing.assert_allclose(scores[clip], values, atol=0.02)
    assert tf.saved_model.load(str(output / "model")).signatures


def test_two_devices_learn_what_one_does(inputs: Path, alone: Path, tmp_path: Path) -> None:
    calls = {name: call_of(name, inputs, tmp_path / name) for name in MODELS}
    sent = {name: {key: getattr(call, key) for key in SENT} for name, call in calls.items()}
    subprocess.run(
        [sys.executable, "-c", ON_TWO_DEVICES],
        input=json.dumps(sent).encode(),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        check=True,
    )
    for name in MODELS:
        assert_same(tmp_path / name, alone / name)


@pytest.mark.parametrize(
    "name",
    ["mean", *(pytest.param(n, marks=pytest.mark.long_runs) for n in ("attention", "sound"))],
)
def test_two_workers_learn_what_one_does(
    inputs: Path, alone: Path, tmp_path: Path, name: str
) -> None:
    output = tmp_path / name
    run(name, call_of(name, inputs, output, workers=2))
    assert_same(output, alone / name)
    if name != "sound":
        windows = embedded_blobs.write_clips(tmp_path / "eval.parquet", 257, 2)
        trained = read_clip_scores(str(output / "model_run" / scores_file("eval")))
        expected = [trained[f"eval{i:03}"] for i in range(len(windows))]
        served = trained_blobs.answers(output, windows)["scores"]
        np.testing.assert_allclose(served, expected, atol=1e-5)
    assert not (output / "backups").exists()


@pytest.mark.long_runs
@pytest.mark.parametrize("victim", [0, 1])
def test_a_run_says_which_worker_was_killed_and_goes_on(
    inputs: Path, alone: Path, tmp_path: Path, victim: int
) -> None:
    """Killed after its second epoch, and given the same command again."""
    call = call_of("attention", inputs, tmp_path, workers=2)
    kill = threading.Thread(target=kill_worker, args=(victim, tmp_path / "backups"))
    kill.start()
    with pytest.raises(
        WorkerLostError,
        match=rf"^Worker {victim + 1} of 2 of the training was killed by SIGKILL; give the same "
        r"command again, and the training goes on after its last complete epoch\.$",
    ):
        run("attention", call)
    kill.join()
    assert not list(own_workers())
    assert not (tmp_path / "model").exists()
    assert max(backups(tmp_path / "backups")) >= 2
    run("attention", call)
    assert_same(tmp_path, alone / "attention")
    assert not (tmp_path / "backups").exists()


def own_workers() -> Iterator[psutil.Process]:
    for child in psutil.Process().children(recursive=True):
        if "trainer.workers.worker" in child.cmdline():
            yield child


def backups(folder: Path) -> list[int]:
    return [int(path.stem.partition("-")[2]) for path in folder.glob("*/ckpt-*.index")] or [0]


def kill_worker(number: int, folder: Path) -> None:
    while max(backups(folder)) < 2:
        time.sleep(0.005)
    for worker in own_workers():
        if json.loads(worker.environ()["TF_CONFIG"])["task"]["index"] == number:
            worker.send_signal(signal.SIGKILL)


def test_a_worker_s_error_is_the_run_s(inputs: Path, tmp_path: Path) -> None:
    call = call_of("mean", inputs, tmp_path, workers=2, learning_rate=1e30)
    with pytest.raises(ConfigError, match=r"set train\.learning_rate lower"):
        run("mean", call)


def test_another_number_of_workers_than_the_platform_s(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = {"chief": ["a:1"], "worker": ["b:1", "c:1"]}
    config = {"cluster": cluster, "task": {"type": "worker", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(config))
    with pytest.raises(ConfigError, match=r"has train\.workers 2, but TF_CONFIG names 3;"):
        training_strategy(2)


@pytest.mark.parametrize(
    ("clips", "replicas", "steps"), [(99, 1, 4), (97, 1, 4), (99, 2, 4), (97, 2, 3), (99, 4, 3)]
)
def test_a_last_batch_without_a_clip_for_each_replica_is_left_out(
    clips: int, replicas: int, steps: int
) -> None:
    assert Share(replicas=replicas).steps(clips, 32) == steps


def test_more_replicas_than_clips_of_a_batch() -> None:
    with pytest.raises(ConfigError, match=r"8 devices train together, .* only 4 clips"):
        Share(replicas=8).steps(99, 4)
