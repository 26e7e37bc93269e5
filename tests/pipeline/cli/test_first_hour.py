"""A folder of sounds and no configuration, as a person meets it."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from trees import write_sounds

VGGISH_TFX = str(Path(sys.executable).with_name("vggish-tfx"))


def call(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [VGGISH_TFX, *map(str, words)], capture_output=True, text=True, check=False
    )


@pytest.fixture
def sounds(tmp_path: Path) -> Path:
    names = (f"{w}/p{p}_nohash_{i}.wav" for w in "ab" for p in range(9) for i in (0, 1))
    write_sounds(tmp_path / "sounds", *names)
    return tmp_path / "sounds"


def test_init_writes_what_catalog_reads(sounds: Path, tmp_path: Path) -> None:
    written = call("init", sounds)
    assert written.stderr == ""
    (tmp_path / "job.yaml").write_text(written.stdout)
    of_file, of_folder = call("catalog", tmp_path / "job.yaml"), call("catalog", sounds)
    assert of_file.stdout == of_folder.stdout
    assert "groups    9, of 36 files; none is in two splits" in of_folder.stdout
    assert "There are only" in of_folder.stdout
    assert "9 groups, such as" in of_folder.stderr
    assert len(of_folder.stderr.strip().splitlines()) == 2, "libraries are not quiet"


def test_without_groups_their_share_in_several_splits_is_told(sounds: Path, tmp_path: Path) -> None:
    (tmp_path / "job.yaml").write_text(f"source: {{root: {sounds}}}")
    page = " ".join(call("catalog", tmp_path / "job.yaml").stdout.split())
    assert "groups none known" in page
    assert "of the clips have clips of their group in other splits" in page


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["run", "SOUNDS", "--output", "SOUNDS/out", "--checkpoint", "random"], "inside the data"),
        (["run", "speach_commands"], "did you mean 'speech_commands'?"),
        (["catalog", "./nowhere"], "There is no file or folder ./nowhere"),
        (["run", "./nowhere"], "There is no file or folder ./nowhere"),
        (["run", "SOUNDS/a/p0_nohash_0.wav"], "is a sound, not a job"),
        (["run", "SOUNDS", "--set", "model.head=xgbost"], "did you mean 'xgboost'?"),
        (["run", "SOUNDS", "--set", "source.root=true"], "leave one of them out"),
    ],
)
def test_wrong_words_are_told_before_anything_loads(
    words: list[str], says: str, sounds: Path
) -> None:
    begin = time.monotonic()
    done = call(*(word.replace("SOUNDS", str(sounds)) for word in words))
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert time.monotonic() - begin < 5
