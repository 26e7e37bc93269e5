import csv
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from generation import generate
from preset_trees import BUILDERS
from rich.console import Console
from trees import write_sound, write_sounds, write_table
from typer.testing import CliRunner

from pipeline.catalog.catalog import DataSetCatalog, read_catalog
from pipeline.catalog.catalog_page import print_catalog
from pipeline.cli.main import app
from schema.config.ingest_settings import IngestSettings
from schema.config.source_settings import SourceSettings
from schema.config.split_settings import SplitSettings
from vggish.errors import DataSetError

CONFIGS = Path(__file__).resolve().parents[3] / "configs"


def take(source: dict, ingest: dict | None = None, split: dict | None = None) -> DataSetCatalog:
    return read_catalog(
        SourceSettings(**source),
        IngestSettings(**(ingest or {})),
        SplitSettings(**(split or {})),
        advance=lambda _: None,
    )


def printed(catalog: DataSetCatalog, width: int) -> str:
    screen = io.StringIO()
    print_catalog(catalog, Console(file=screen, width=width, highlight=False))
    return screen.getvalue()


def command(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["catalog", *arguments])
    if result.exception:
        raise result.exception
    return result.stdout


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """A source with everything in it that a catalog tells of."""
    root = tmp_path_factory.mktemp("mixed") / "data"
    write_sounds(root, *(f"{label}/{i:02}.wav" for label in ("dog", "cat") for i in range(30)))
    write_sounds(root, *(f"cat/more {i}.wav" for i in range(30)), seconds=3)
    write_sound(root / "dog" / "other.flac", rate=8_000, format="FLAC")
    shutil.copy(root / "dog" / "00.wav", root / "dog" / "copy.wav")
    soundfile.write(root / "dog" / "silent.wav", np.zeros(1600), 16_000)
    soundfile.write(root / "dog" / "loud.wav", np.full(1600, 2.0), 16_000, "FLOAT")
    (root / "dog" / "text.wav").write_text("no sound")
    (root / "dog" / "[bold]odd name, with a comma.wav").write_text("not one")
    write_sound(root / "stray.wav")
    write_sounds(root, "new/0.wav", "new/1.wav", "rain/0.wav")
    (root / "README").write_text("Sounds.")
    return {"root": str(root), "noise_folders": ["rain"], "unlabelled_folders": ["new"]}


SETTINGS = {"max_seconds": 2, "long": "split", "resampler": "soxr"}


def test_a_catalog_is_what_a_run_would_give(mixed: dict, tmp_path: Path) -> None:
    catalog = take(mixed, SETTINGS)
    run = generate(tmp_path, mixed, SETTINGS | {"max_reject_fraction": 0.5})
    assert catalog.summary == run.summary
    assert {row.path: row.reason for row in catalog.rows if row.reason} == run.rejects
    clips: dict[str, list] = {}
    for clip_id, clip in run.clips.items():
        clips.setdefault(clip_id.partition("#")[0], []).append(clip)
    for row in catalog.rows:
        if row.reason is None:
            written = clips.pop(row.path)
            assert {clip.split for clip in written} == {row.split}
            assert {clip.labels for clip in written} == {row.labels}
            assert sorted(clip.duration for clip in written) == pytest.approx(sorted(row.seconds))
            assert {clip.source_rate for clip in written} == {row.rate}
    assert not clips


def test_the_page_says_what_matters(mixed: dict) -> None:
    page = printed(take(mixed, SETTINGS | {"max_reject_fraction": 0.02}), width=80)
    for line in (
        "found       99 files",
        "accepted    96 files, 126 clips, 1.6 minutes",
        "refused     3 files",
        "duplicates  1 files",
        "silent      1 clips",
        "clipped     1 clips",
        "noise       1 files",
        "no sounds   1 files",
        "2 classes; the largest is 2.6 times the smallest",
        "Durations: 0.1 to 2 s, median 0.1 s",
        "A run would stop: 3 of 99 files were refused (1 no_label, 2 unreadable)",
    ):
        assert line in page, page
    table = [" ".join(line.split()) for line in page.splitlines()]
    assert any(line.startswith("unlabelled 2 1.6% ") for line in table)
    assert "0-0.5 s 66 ████████████████████████" in table
    assert "0.5-1 s 30 ███████████" in table
    assert "1-2 s 30 ███████████" in table
    assert "FLAC FLAC 8000 1" in table
    assert "WAV FLOAT 16000 1" in table
    assert any(line.startswith("unreadable 2 dog/[bold]odd name, with a") for line in table)


@pytest.mark.parametrize("width", [80, 60, 40, 34])
def test_the_page_is_readable_on_any_screen(mixed: dict, width: int) -> None:
    page = printed(take(mixed, SETTINGS), width)
    assert max(len(line) for line in page.splitlines()) <= width
    assert "…" not in page
    for word in ("dog", "cat", "unlabelled", "unreadable", "FLAC"):
        assert word in page


def test_of_many_classes_the_smallest_are_summed_up(tmp_path: Path) -> None:
    for i in range(40):
        write_sounds(tmp_path, *(f"class{i:02}/{j}.wav" for j in range(1 + (i == 0))))
    page = printed(take({"root": str(tmp_path)}), width=80)
    assert "40 classes; the largest is 2.0 times the smallest" in page
    assert "class26" in page
    assert "class27" not in page
    assert "and 13 smaller ones, of 13 clips; the smallest is class39 with 1." in page


def test_a_catalog_of_nothing_but_refusals_is_one(tmp_path: Path) -> None:
    write_sounds(tmp_path, "1.wav", "2.wav")
    page = printed(take({"root": str(tmp_path)}), width=80)
    assert "no_label" in page
    assert "A run would stop: 2 of 2 files were refused" in page


def test_copies_are_told_before_a_run(tmp_path: Path) -> None:
    root = tmp_path / "data"
    write_sounds(root, *(f"{label}/{i}.wav" for label in "ab" for i in range(30)))
    samples, rate = soundfile.read(root / "a" / "0.wav", dtype="int16")
    soundfile.write(root / "a" / "copy.flac", samples, rate)
    (root / "test.txt").write_text("a/copy.flac\nb/0.wav\na/1.wav\n")
    source, split = {"root": str(root)}, {"kind": "lists", "test_list": "test.txt"}
    catalog = take(source, {}, split)
    assert [row.path for row in catalog.rows if row.reason == "duplicate"] == ["a/0.wav"]
    assert catalog.summary == generate(tmp_path, source, {}, split).summary
    assert catalog.complaint is None
    stopped = take(source, {"duplicates": "stop"}, split)
    assert stopped.complaint is not None
    assert "copies of sounds in other splits" in stopped.complaint


def test_the_command_prints_a_page_and_writes_a_table(mixed: dict, tmp_path: Path) -> None:
    config = tmp_path / "job.yaml"
    config.write_text(json.dumps({"source": mixed | {"root": "nowhere"}, "ingest": SETTINGS}))
    table = tmp_path / "table.csv"
    page = command(str(config), "--data-root", mixed["root"], "--csv", str(table))
    assert "accepted    96 files" in page
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["path", "label", "valid", "reason", "split", "duration"]
    by_path = {row["path"]: row for row in rows}
    assert len(by_path) == len(rows) == 99
    assert by_path["cat/more 0.wav"] | {"split": ""} == {
        "path": "cat/more 0.wav",
        "label": "cat",
        "valid": "true",
        "reason": "",
        "split": "",
        "duration": "3",
    }
    odd = by_path["dog/[bold]odd name, with a comma.wav"]
    assert (odd["valid"], odd["reason"], odd["split"], odd["duration"]) == (
        "false",
        "unreadable",
        "",
        "",
    )
    assert by_path["new/0.wav"]["split"] == "unlabelled"


def test_wrong_input_is_told_in_a_sentence(mixed: dict, tmp_path: Path) -> None:
    config = str(CONFIGS / "demo.yaml")
    with pytest.raises(DataSetError, match="is not a folder"):
        command(config, "--data-root", str(tmp_path / "absent"))


def test_released_features_have_a_catalog(tmp_path: Path) -> None:
    BUILDERS["audioset_embeddings"](tmp_path / "data")
    config = str(CONFIGS / "audioset_embeddings.yaml")
    page = command(config, "--data-root", str(tmp_path / "data"))
    assert "accepted   44 files, 44 clips, 7.3 minutes" in page
    assert "AudioSet features" in page
    told = json.loads(command(config, "--data-root", str(tmp_path / "data"), "--json"))
    assert (told["accepted"], told["complaint"]) == (44, None)
    assert "Male speech, man speaking" in page


def test_a_table_of_embeddings_has_a_catalog(tmp_path: Path) -> None:
    rows = [[f"{i}.wav", "ab"[i % 2], i, "" if i == 5 else -i] for i in range(60)]
    write_table(tmp_path / "t.csv", [["fname", "labels", "emb_0", "emb_1"], *rows])
    page = command(str(tmp_path / "t.csv"), "--set", "ingest.max_reject_fraction=0.1")
    assert "59 files, 59 clips" in page
    assert "minutes" not in page
    assert "embeddings of 2 numbers" in page
    assert "Durations" not in page
    assert "missing_value      1  5.wav" in page


def test_a_catalog_of_annotated_recordings_counts_windows(tmp_path: Path) -> None:
    names = [f"in/{i}.wav" for i in range(20)]
    write_sounds(tmp_path, *names, seconds=4)
    rows = [[f"{i}.wav", 1, 2.2, "ab"[i % 2]] for i in range(20)] + [["0.wav", 9, 10, "a"]]
    write_table(tmp_path / "in" / "e.csv", [["file", "start", "end", "label"], *rows])
    annotations = {"tables": ["e.csv"], "background": 0.5}
    source = {"kind": "annotations", "root": str(tmp_path / "in"), "annotations": annotations}
    ingest = {"max_reject_fraction": 0.1}
    catalog = take(source, ingest)
    assert catalog.summary == generate(tmp_path, source, ingest).summary
    windows = catalog.summary["windows"]
    # Of five windows, the one from 0.96 s is covered, and the one from 1.92 s for 0.28 s.
    assert (windows["found"], windows["with_events"]) == (95, 19)
    assert windows["left_out"] == 95 - 19 - windows["background"] > 19
    page = printed(catalog, 120)
    assert f"windows   95 found: 19 with events, {windows['background']} of background" in page
    assert "wrong_time" in page
