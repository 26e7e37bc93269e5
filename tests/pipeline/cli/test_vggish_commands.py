import csv
import json
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from pipeline.cli.main import app
from vggish.errors import VggishError
from vggish.networks.layer_taps import build_features
from vggish.weights.weight_arrays import load_weights, random_weights, save_weights, weights_sha256

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def command():
    """Runs a command; what the user did wrong is raised, as the command line expects."""

    def run(*arguments):
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        if isinstance(result.exception, VggishError):
            raise result.exception
        return result

    return run


@pytest.fixture
def sounds(tmp_path):
    folder = tmp_path / "sounds"
    folder.mkdir()
    for name, rate in (("low.wav", 8_000), ("high.wav", 16_000)):
        noise = np.random.default_rng(0).uniform(-0.5, 0.5, 2 * rate)
        soundfile.write(folder / name, noise, rate)
    return folder


def test_embed_goes_past_bad_files_and_says_so(command, sounds, tmp_path):
    (sounds / "notes.txt").write_text("no sound")
    absent = tmp_path / "absent.wav"
    output = tmp_path / "new" / "out.csv"
    result = command("embed", sounds, absent, "-o", output, "--features", "mfcc")
    assert result.exit_code == 1
    assert "4 files: 2 embedded (4 windows)" in result.output
    assert "2 failed" in result.output
    assert "Peak memory:" in result.output
    *_, first, second = result.output.strip().splitlines()
    assert first.startswith(f"unreadable: {sounds / 'notes.txt'} is not a sound file")
    assert second == f"unreadable: {absent} cannot be opened: No such file or directory."
    with output.open(newline="") as file:
        rows = list(csv.reader(file))
    assert [Path(row[0]).name for row in rows] == ["fname", "high.wav", "low.wav"]


def test_embed_of_good_files_succeeds(command, sounds, tmp_path):
    for options, windows in ((["--resampler", "soxr"], 4), (["--hop-seconds", "0.48"], 6)):
        output = tmp_path / f"{options[1]}.npz"
        result = command(
            "embed", sounds, "-o", output, "--features", "log_mel", "--pool", "none", *options
        )
        assert result.exit_code == 0, result.output
        with np.load(output) as arrays:
            assert arrays["embeddings"].shape == (windows, 96, 64)


def test_embed_says_loudly_that_weights_are_random(command, sounds, tmp_path):
    result = command(
        "embed", sounds, "-o", tmp_path / "out.npz", "--checkpoint", "random",
        "--features", "fusion", "--compute", "bfloat16", "--label-from-folder",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "WARNING: the weights are RANDOM" in result.output
    with np.load(tmp_path / "out.npz") as arrays:
        assert arrays["embeddings"].shape == (2, 8_192)
        assert arrays["labels"].tolist() == ["sounds", "sounds"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-o", "out.txt"], "must end with one of"),
        (["-o", "out.csv", "--features", "fusion", "--postprocess"], "cannot be post-processed"),
        (["-o", "out.csv", "--features", "embeding"], "did you mean 'embedding'"),
        (
            ["-o", "out.csv", "--checkpoint", "absent.ckpt"],
            "no TensorFlow checkpoint of VGGish at absent",
        ),
        (["-o", "out.tfrecord", "--pca", "absent.npz"], "no file of PCA parameters at absent"),
    ],
)
def test_wrong_input_is_one_sentence_and_leaves_nothing(
    command, sounds, tmp_path, monkeypatch, options, message
):
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    with pytest.raises(VggishError, match=message):
        command("embed", sounds, *options)
    assert not list(folder.iterdir())


def test_yamnet_is_embedded_and_converted(command, sounds, tmp_path):
    save_weights(random_weights(1, "yamnet"), tmp_path / "given.npz", "yamnet")
    yamnet = ["--network", "yamnet"]
    folder = tmp_path / "converted"
    result = command("convert", tmp_path / "given.npz", "-o", folder, *yamnet)
    assert result.exit_code == 0, result.output
    assert "The rank of the class Silence in silence is" in result.output
    model = keras.saving.load_model(folder / "yamnet.keras")
    windows = np.zeros((1, 96, 64), np.float32)
    expected = build_features("scores", random_weights(1, "yamnet"), network="yamnet")(windows)
    np.testing.assert_allclose(model(windows), expected, atol=1e-6)
    options = [*yamnet, "--checkpoint", folder / "yamnet.npz", "--pool", "none"]
    result = command("embed", sounds, "-o", tmp_path / "out.npz", *options)
    assert result.exit_code == 0, result.output
    with np.load(tmp_path / "out.npz") as arrays:
        assert arrays["embeddings"].shape == (8, 1_024)  # 2 s are 4 windows.
    with pytest.raises(VggishError, match="holds YAMNet, not VGGish; set the network to yamnet"):
        command("embed", sounds, "-o", tmp_path / "out.csv", *options[2:])
    with pytest.raises(VggishError, match="those of VGGish's embedding"):
        command("embed", sounds, "-o", tmp_path / "out.csv", *options, "--postprocess")


def test_an_empty_folder_is_refused(command, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(VggishError, match=f"There are no files in {empty}"):
        command("embed", empty, "-o", tmp_path / "out.csv", "--features", "mfcc")


def test_convert_writes_weights_and_a_keras_model(command, tmp_path):
    weights = random_weights(3)
    save_weights(weights, tmp_path / "given.npz")
    result = command("convert", tmp_path / "given.npz", "-o", tmp_path / "converted")
    assert result.exit_code == 0, result.output
    assert weights_sha256(weights) in result.output
    assert "The mean of the embedding of the tone is" in result.output
    assert "these weights are not the released ones" in result.output
    folder = tmp_path / "converted"
    assert sorted(path.name for path in folder.iterdir()) == ["vggish.keras", "vggish.npz"]
    assert weights_sha256(load_weights(folder / "vggish.npz")) == weights_sha256(weights)
    network = keras.models.load_model(folder / "vggish.keras")
    assert network(np.zeros((1, 96, 64), np.float32)).shape == (1, 128)
    kernel = network.get_layer("conv4_2").get_weights()[0]
    assert np.array_equal(kernel, weights["vggish/conv4/conv4_2/weights"])


def test_check_says_what_it_compared_and_what_not(command):
    result = command("check")
    assert result.exit_code == 0
    for words in ("log-mel of the tone", "quantisation", "agrees", "no checkpoint was given"):
        assert words in result.output
    assert "DIFFERS" not in result.output


def test_check_of_another_network_fails(command, tmp_path):
    save_weights(random_weights(0), tmp_path / "other.npz")
    result = command("check", "--checkpoint", tmp_path / "other.npz")
    assert result.exit_code == 1
    assert "DIFFERS" in result.output
    assert "differ from the published values" in result.output


def test_check_takes_every_network(command, tmp_path):
    save_weights(random_weights(0, "yamnet"), tmp_path / "other.npz", "yamnet")
    result = command("check", "--network", "yamnet", "--checkpoint", tmp_path / "other.npz")
    assert result.exit_code == 1
    assert "DIFFERS  rank of the class Silence in silence" in result.output


def test_check_is_read_by_programs(command):
    told = json.loads(command("check", "--json").output)
    assert told["passed"]
    assert all(comparison["passed"] for comparison in told["comparisons"])
    assert "no checkpoint was given" in " ".join(told["unchecked"])


def test_help_loads_no_tensorflow():
    program = (
        "import sys; from pipeline.cli.main import app\n"
        "try: app(['embed', '--help'])\n"
        "except SystemExit: pass\n"
        "sys.exit('tensorflow' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", program], check=False, cwd=ROOT)
    assert run.returncode == 0
