"""The package for notebooks."""

import doctest
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
import soundfile
from trees import write_sounds

import vggish_tfx as vt
from pipeline.runners.run_folder import RunFolder
from vggish.errors import ConfigError
from vggish_tfx import models, runs

ROOT = Path(__file__).resolve().parents[2]


def test_importing_is_quick_and_silent() -> None:
    program = (
        "import sys, vggish_tfx as vt\n"
        "assert not {'tensorflow', 'tfx', 'numpy'} & set(sys.modules)\n"
        "assert vt.__version__[0].isdigit() and 'run' in dir(vt)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, cwd=ROOT
    )
    assert done.stdout + done.stderr == ""


def test_first_use_is_silent() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import vggish_tfx as vt; vt.Run; vt.load"],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.stdout + done.stderr == ""


def test_a_catalog_is_printed_and_a_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_sounds(tmp_path, *(f"{label}/{i}.wav" for label in "ab" for i in range(5)))
    table = vt.catalog(tmp_path)
    assert table.num_rows == 10
    assert set(table["split"].to_pylist()) == {"train", "eval", "test"}
    assert "accepted  10 files" in capsys.readouterr().out


def test_a_run_has_its_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run itself is in the tests of whole runs."""
    write_sounds(tmp_path / "sounds", *(f"{label}/{i}.wav" for label in "ab" for i in range(5)))

    def pretend(job: object, output: Path, screen: object) -> None:
        folder = RunFolder(output)
        (output / "embeddings").mkdir(parents=True)
        table = pa.table({"fname": ["a/1.wav"]})
        pa.parquet.write_table(table, output / "test_predictions.parquet")
        pa.parquet.write_table(table, output / "embeddings" / "fusion-0.parquet")
        folder.report.write_text('<p class="x">ünï</p>', encoding="utf-8")
        folder.summary.write_text(json.dumps({"metrics": {"test": {}}, "pushed_path": None}))

    monkeypatch.setattr(runs, "run_quietly", pretend)
    run = vt.run(tmp_path / "sounds", output=tmp_path / "out", checkpoint="random")
    assert run.metrics == {"test": {}}
    assert run.model is None
    assert run.predictions["fname"].to_pylist() == run.embeddings["fname"].to_pylist()
    shown = run.report._repr_html_()
    assert 'srcdoc="&lt;p class=&quot;x&quot;&gt;ünï' in shown
    assert repr(run) == f"Run({str(tmp_path / 'out')!r})"


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds no finished run"):
        vt.Run(tmp_path)


def test_files_and_arrays_have_the_same_features(tmp_path: Path) -> None:
    samples = np.random.default_rng(0).normal(0, 0.1, 32_000).astype(np.float32)
    soundfile.write(tmp_path / "x.wav", samples, 16_000, "FLOAT")
    of_file, of_array = vt.embed(
        [tmp_path / "x.wav", samples], checkpoint="random", features="mfcc"
    )
    assert of_file.shape[0] == 2
    np.testing.assert_array_equal(of_file, of_array)
    (alone,) = vt.embed(samples, checkpoint="random", features="mfcc")
    np.testing.assert_array_equal(alone, of_array)


def test_the_example_of_embed_is_true() -> None:
    results = doctest.testmod(models)
    assert (results.attempted, results.failed) == (3, 0)


def test_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds no pushed model"):
        vt.load(tmp_path)
