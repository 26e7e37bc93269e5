"""Jobs by folder, by file and by name."""

import os
from pathlib import Path

import pytest
import yaml
from trees import write_sounds, write_table

from components.audio_example_gen.sources import list_source
from pipeline.catalog.first_configuration import look_into, to_yaml
from pipeline.config_checks import check_output, warnings_of_local_paths
from pipeline.jobs import open_job
from schema.config.config import Config
from schema.config.source_settings import SourceSettings
from vggish.errors import ConfigError, DataSetError, VggishError

PEOPLE = [f"p{i}" for i in range(9)]


def spoken(root: Path) -> Path:
    write_sounds(root, *(f"{w}/{p}_nohash_{i}.wav" for w in "ab" for p in PEOPLE for i in (0, 1)))
    return root


def test_a_folder_is_a_job(tmp_path: Path) -> None:
    root = spoken(tmp_path / "words")
    write_sounds(root, "_background_noise_/rain.wav")
    job = open_job(str(root), {"train.epochs": 3})
    assert (job.name, job.output) == ("words", Path("runs/words"))
    assert job.config.source == SourceSettings(
        root=str(root), group_pattern="([^/]+)_nohash_[^/]*$", noise_folders=["_background_noise_"]
    )
    assert (job.config.features.checkpoint, job.config.train.epochs) == ("download", 3)
    sounds, groups = job.found
    assert "36 sounds of 2 classes: a, b. The class is the folder." in sounds
    assert "9 groups, such as 'p8'" in groups
    assert "% of the clips would have clips of their group in another split" in groups


def test_the_printed_configuration_is_the_one_that_runs(tmp_path: Path) -> None:
    root = spoken(tmp_path / 'odd "name: #x')
    text = to_yaml(look_into(str(root)))
    assert Config.model_validate(yaml.safe_load(text)) == open_job(str(root), {}).config
    assert "# Sample rates: 16000 Hz;" in text


def test_folders_of_splits_are_no_classes(tmp_path: Path) -> None:
    write_sounds(
        tmp_path, *(f"{s}/{c}/{i}.wav" for s in ("train", "test") for c in "ab" for i in "01")
    )
    config = open_job(str(tmp_path), {}).config
    assert config.source.label_pattern == "^[^/]+/([^/]+)/"
    assert (config.split.kind, config.split.test_folder) == ("folders", "test")


def test_classes_may_be_in_names(tmp_path: Path) -> None:
    write_sounds(tmp_path, *(f"{d}_{p}_{i}.wav" for d in "01" for p in PEOPLE for i in (0, 1)))
    found = look_into(str(tmp_path))
    assert found.listing.classes == ["0", "1"]
    assert found.labelled_by == "the first part of the name"
    assert found.groups is not None
    assert found.groups.groups == len(PEOPLE)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_beside_the_sounds_gives_the_classes(tmp_path: Path, delimiter: str) -> None:
    names = [f"{i}.wav" for i in range(12)]
    write_sounds(tmp_path, *(f"audio/{name}" for name in names))
    rows = [[name, "xy"[i % 2], f"s{i // 2}"] for i, name in enumerate(names)]
    write_table(tmp_path / "meta.csv", [["filename", "category", "speaker"], *rows], delimiter)
    config = open_job(str(tmp_path), {}).config
    (table,) = config.source.tables
    assert (table.file, table.path) == ("meta.csv", "audio/{filename}")
    assert (table.labels, table.group) == ("category", "speaker")
    assert look_into(str(tmp_path)).listing.classes == ["x", "y"]


def test_a_table_with_several_labels_a_clip(tmp_path: Path) -> None:
    names = [f"{i}.wav" for i in range(12)]
    write_sounds(tmp_path, *names)
    rows = [[name, ("a,b", "a,c", "b,c", "a", "a,b,c")[i % 5]] for i, name in enumerate(names)]
    write_table(tmp_path / "train.csv", [["fname", "labels"], *rows])
    assert open_job(str(tmp_path), {}).config.source.tables[0].label_separator == ","
    assert look_into(str(tmp_path)).listing.classes == ["a", "b", "c"]


def test_a_table_of_embeddings_is_a_job(tmp_path: Path) -> None:
    labels = ["a,b", "a", "b,c", "c"]
    rows = [[f"{i}.wav", labels[i % 4], f"s{i // 3}", 0.5 * i, -i] for i in range(40)]
    write_table(tmp_path / "my.csv", [["file", "tags", "speaker", "x0", "x1"], *rows], ";")
    job = open_job(str(tmp_path / "my.csv"), {"train.epochs": 3})
    assert (job.name, job.output) == ("my", Path("runs/my"))
    (table,) = job.config.source.tables
    assert (table.fname, table.labels, table.group) == ("file", "tags", "speaker")
    assert (table.label_separator, table.delimiter) == (",", ";")
    assert job.found == (
        "Found a table of embeddings of 2 numbers. The class is the column 'tags'.",
    )
    assert list_source(job.config.source).classes == ["a", "b", "c"]
    assert (job.config.features.checkpoint, job.config.network) == (None, None)
    of_yamnet = {"features.network": "yamnet", "features.checkpoint": "random"}
    assert open_job(str(tmp_path / "my.csv"), of_yamnet).config.network == "yamnet"
    with pytest.raises(ConfigError, match="is a table, which needs no --data-root"):
        open_job(str(tmp_path / "my.csv"), {"source.root": "/data"})


def test_a_ready_configuration_goes_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    job = open_job("speech_commands", {"source.root": "/data"})
    assert (job.name, job.config.source.root) == ("speech_commands", "/data")
    spoken(tmp_path / "speech_commands")
    assert open_job("speech_commands", {"source.root": "/data"}).config == job.config
    assert open_job("speech_commands", {}).config.source.root.endswith("/speech_commands")
    with pytest.raises(ConfigError, match="did you mean 'speech_commands'"):
        open_job("speach_commands", {})
    with pytest.raises(ConfigError, match="leave one of them out"):
        open_job("./speech_commands", {"source.root": "/data"})


@pytest.mark.parametrize(
    "names", [[], ["x.wav"], ["a/x.wav", "a/y.wav"], ["train/x.wav", "test/y.wav"]]
)
def test_folders_without_classes_are_refused(tmp_path: Path, names: list[str]) -> None:
    write_sounds(tmp_path, *names)
    with pytest.raises(DataSetError, match="has "):
        open_job(str(tmp_path), {})


def test_the_output_stays_out_of_the_sounds(tmp_path: Path) -> None:
    source = SourceSettings(root=str(tmp_path / "sounds"))
    (tmp_path / "sounds").mkdir()
    (tmp_path / "link").symlink_to("sounds")
    for place in ("sounds", "sounds/runs/x", "link/runs"):
        with pytest.raises(ConfigError, match="is inside the data root"):
            check_output(source, tmp_path / place)
    check_output(source, tmp_path / "soundscape")
    check_output(SourceSettings(root=str(tmp_path / "runs/demo/sounds")), tmp_path / "runs/demo")
    check_output(SourceSettings(root="gs://bucket/x"), tmp_path)
    table = {"kind": "embeddings", "tables": [{"file": "t.csv"}]}
    check_output(SourceSettings(root=str(tmp_path), **table), tmp_path / "runs" / "t")


def test_local_paths_under_a_remote_root_are_told() -> None:
    config = Config.model_validate(
        {
            "source": {"root": "gs://bucket/sounds"},
            "split": {"kind": "lists", "test_list": "/home/me/test.txt", "eval_list": "eval.txt"},
            "features": {"checkpoint": "vggish_model.ckpt"},
        }
    )
    told = warnings_of_local_paths(config)
    assert [text.split(" is ")[0] for text in told] == ["features.checkpoint", "split.test_list"]


def test_a_table_with_another_separator_suggests_it(tmp_path: Path) -> None:
    write_sounds(tmp_path, "1.wav")
    write_table(tmp_path / "meta.csv", [["path", "labels"], ["1.wav", "a"]], ";")
    job = {"kind": "manifest", "root": str(tmp_path), "tables": [{"file": "meta.csv"}]}
    (tmp_path / "job.yaml").write_text(yaml.safe_dump({"source": job}))
    with pytest.raises(VggishError, match="set `delimiter` of the table to ';'"):
        list_source(open_job(os.fspath(tmp_path / "job.yaml"), {}).config.source)
