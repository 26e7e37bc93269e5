"""The warm start through its `run_fn`: served as trained, resumed after a kill, gone on from."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from learnable import CLASSES, PITCHES, tone, trainer_call, write_inputs

from schema.config.model_settings import ModelSettings
from schema.model_card import read_model_card
from trainer.heads.dense import build_frozen_head
from trainer.warm_start.previous_model import PreviousModel
from trainer.warm_start.training import run_fn
from trainer.warm_start.whole_network import WholeNetwork
from vggish.audio.decoding import pcm16_from_samples, wav_from_pcm16
from vggish.networks.layer_taps import build_features
from vggish.networks.log_mel import log_mel_from_windows, windows_from_pcm16
from vggish.networks.network import FrontEnd
from vggish.weights.weight_arrays import random_weights

HERE = Path(__file__).parent
MODEL = {"hidden": (8,), "warm_start": {"freeze_below": "conv4"}}
TRAIN = {"epochs": 2, "batch_size": 4, "learning_rate": 1e-3, "schedule": "constant"}

# Nothing of this project: what a server that has only TensorFlow would do.
SERVE = """
import pathlib, sys
import numpy as np
import tensorflow as tf
wavs = [path.read_bytes() for path in sorted(pathlib.Path(sys.argv[2]).iterdir())]
model = tf.saved_model.load(sys.argv[1])
np.save(sys.argv[3], model.signatures["serving_default"](audio_bytes=tf.constant(wavs))["scores"])
assert not {"vggish", "trainer", "keras", "tensorflow_io", "tfx"} & set(sys.modules)
"""

# Says what came out of a training, whether it was undisturbed or not.
TRAIN_IN_A_PROCESS = """
import json, sys
from pathlib import Path
from learnable import trainer_call
from trainer.warm_start.training import run_fn
inputs, output, model, train = Path(sys.argv[1]), Path(sys.argv[2]), *map(json.loads, sys.argv[3:])
run_fn(trainer_call(inputs, output, model, train))
"""


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    write_inputs(folder)
    return folder


@pytest.fixture(scope="module")
def trained(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("first")
    run_fn(trainer_call(inputs, folder, MODEL, TRAIN))
    return folder


def history_of(output: Path) -> dict[str, list[float]]:
    return json.loads((output / "model_run" / "history.json").read_text())["history"]


def restored(model: Path) -> WholeNetwork:
    network = build_features("fusion", random_weights(5))
    values = PreviousModel(str(model))
    assert len(values.restore_network(network)) == 6
    head = build_frozen_head(ModelSettings(hidden=(8,)), 3, np.ones([2, 8192], np.float32))
    assert values.restore_head(head, CLASSES) == CLASSES
    return WholeNetwork(network, head, "mean")


def test_the_served_model_scores_as_the_trained_one(trained: Path, tmp_path: Path) -> None:
    clips = [
        tone(PITCHES[name], 50, seconds) for name, seconds in zip(CLASSES, (0.5, 1, 3), strict=True)
    ]
    (tmp_path / "wavs").mkdir()
    for i, clip in enumerate(clips):
        (tmp_path / "wavs" / f"{i}.wav").write_bytes(wav_from_pcm16(pcm16_from_samples(clip)))
    answer = tmp_path / "scores.npy"
    command = [sys.executable, "-I", "-c", SERVE, trained / "model", tmp_path / "wavs", answer]
    subprocess.run(command, check=True)

    pcm = tf.constant([pcm16_from_samples(clip) for clip in clips])
    windows = windows_from_pcm16(pcm, FrontEnd())
    log_mel = windows.with_values(log_mel_from_windows(windows.values)).to_tensor()
    mask = tf.sequence_mask(windows.row_lengths(), dtype=tf.float32)
    scores = restored(trained / "model")((log_mel, mask)).numpy()
    assert np.ptp(scores, axis=0).max() > 0.01
    np.testing.assert_allclose(np.load(answer), scores, atol=1e-5)


def test_frozen_layers_are_served_bit_for_bit(trained: Path) -> None:
    start, network = random_weights(0), restored(trained / "model").network
    for layer in ("conv1", "conv2", "conv3/conv3_1", "conv3/conv3_2"):
        kernel = network.get_layer(layer.rpartition("/")[2]).kernel
        np.testing.assert_array_equal(kernel, start[f"vggish/{layer}/weights"])
    for layer in ("conv4_1", "conv4_2"):
        assert np.any(network.get_layer(layer).kernel != start[f"vggish/conv4/{layer}/weights"])


def test_the_card_and_the_curves_tell_how_it_went(inputs: Path, trained: Path) -> None:
    card = read_model_card(str(trained / "model"))
    assert card["started_from"] == {"start": "checkpoint"}
    assert card["head"] == "warm_start"
    assert card["clips"] == {"train": 12, "eval": 3}
    conv4, head = 9 * 512 * (256 + 512) + 2 * 512, 8_192 * 8 + 8 + 2 * 8 + 8 * 3 + 3
    assert card["trainable_parameters"] == conv4 + head
    history = history_of(trained)
    assert len(history["loss"]) == len(history["val_loss"]) == 2
    assert card["metrics"]["eval"]["loss"] == pytest.approx(min(history["val_loss"]), rel=1e-3)
    assert not (inputs / "backups" / trained.name).exists()


def test_going_on_from_the_last_model_saves_steps(
    inputs: Path, trained: Path, tmp_path: Path
) -> None:
    model = {**MODEL, "warm_start": {"freeze_below": "conv4", "start": "last_blessed"}}
    call = trainer_call(inputs, tmp_path, model, {**TRAIN, "epochs": 1}, trained / "model")
    run_fn(call)
    assert history_of(tmp_path)["val_loss"][0] < history_of(trained)["val_loss"][0]
    started_from = read_model_card(str(tmp_path / "model"))["started_from"]
    assert started_from["model"] == str(trained / "model")
    assert started_from["layers"][-1] == "conv4_2"
    assert started_from["classes"] == CLASSES


@pytest.mark.long_runs
def test_a_killed_training_goes_on(inputs: Path, trained: Path, tmp_path: Path) -> None:
    output = tmp_path / "killed"
    words = [str(inputs), str(output), json.dumps(MODEL), json.dumps(TRAIN)]
    paths = [str(HERE), str(HERE.parent), str(HERE.parents[2])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}

    def start() -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", TRAIN_IN_A_PROCESS, *words]
        return subprocess.Popen(command, env=environment)

    killed = start()
    backups = inputs / "backups" / "killed"
    while killed.poll() is None and not list(backups.glob("**/ckpt-1.index")):
        time.sleep(0.02)
    time.sleep(0.1)  # Into the second epoch.
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    assert not (output / "model").exists()
    assert start().wait() == 0
    resumed, undisturbed = history_of(output), history_of(trained)
    for name in ("loss", "val_loss"):
        np.testing.assert_allclose(resumed[name], undisturbed[name], rtol=1e-2)
    assert not backups.exists()
