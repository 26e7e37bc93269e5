"""What is found out about a configuration before anything starts."""

from pathlib import Path
from typing import Any

import pytest
import soundfile

from pipeline.config_checks import check_config, check_config_without_data
from pipeline.runners.metadata_store import open_metadata_store
from pipeline.runners.run_folder import RunFolder
from schema.config.config import Config
from schema.config.run_settings import MetadataSettings
from vggish.errors import ConfigError, DataSetError


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder with sounds of two classes, and the files that a configuration names."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for i in range(6):
        path = tmp_path / "sounds" / "ab"[i % 2] / f"{i}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, [0.0] * 160, 16_000)
    for name in ("vggish.ckpt", "pca.npz"):
        (tmp_path / name).touch()
    return tmp_path


def config(**sections: Any) -> Config:
    features = {"checkpoint": "random"}
    return Config.model_validate({"source": {"root": "~/sounds"}, "features": features} | sections)


def test_tilde_is_the_home_folder_in_every_path(home: Path) -> None:
    worker = {"kind": "process", "command": "~/beam-worker"}
    cluster = {"worker": worker, "job_server": "~/server.jar"}
    checked = check_config(
        config(
            features={"checkpoint": "~/vggish.ckpt", "pca_params": "~/pca.npz"},
            model={"features": "embedding"},
            push={"folder": "~/serving"},
            beam={"flink": {"master": "h:1"} | cluster, "spark": cluster},
        )
    )
    assert "~" not in checked.model_dump_json()
    assert checked.source.root == str(home / "sounds")
    assert checked.features.checkpoint == str(home / "vggish.ckpt")


def test_a_cache_of_embeddings_is_made_outside_of_the_data_root(home: Path) -> None:
    cached = {"checkpoint": "random", "cache": "~/embeddings"}
    checked = check_config(config(features=cached))
    assert checked.features.cache == str(home / "embeddings")
    assert (home / "embeddings").is_dir()
    with pytest.raises(ConfigError, match=r"sounds/cache, is inside the data root; choose"):
        check_config(config(features=cached | {"cache": "~/sounds/cache"}))
    with pytest.raises(ConfigError, match=r"vggish\.ckpt/.* cannot be written"):
        check_config(config(features=cached | {"cache": "~/vggish.ckpt"}))


def test_embeddings_without_sound_have_no_cache() -> None:
    table = {"kind": "embeddings", "root": "tables", "size": 128, "tables": [{"file": "a.csv"}]}
    with pytest.raises(ConfigError, match=r"features\.cache keeps what the network computes"):
        check_config_without_data(config(source=table, features={"cache": "kept"}))


def test_recordings_must_be_there(home: Path) -> None:
    checked = check_config(config(predict={"recordings": "~/sounds/a"}))
    assert checked.predict.recordings == str(home / "sounds" / "a")
    with pytest.raises(DataSetError, match=r"none is not a folder; check predict\.recordings"):
        check_config(config(predict={"recordings": "~/none"}))


def test_other_values_are_left_alone(home: Path) -> None:
    checked = check_config(config())
    assert (checked.features.checkpoint, checked.push.folder) == ("random", None)


def test_cluster_does_not_see_this_machine_s_home() -> None:
    with pytest.raises(ConfigError, match=r"does not see features\.pca_params"):
        check_config_without_data(
            config(
                features={"checkpoint": "random", "pca_params": "~/pca.npz"},
                model={"features": "embedding"},
            )
        )


def test_class_without_files_of_a_split_is_refused_unless_allowed(home: Path) -> None:
    (home / "sounds" / "a" / "0.wav").unlink()
    expected = r"'a' has no clips in eval \(by split: train 1, eval 0, test 1\)"
    for ingest in ({}, {"long": "split"}):  # The parts of a long recording are in one split.
        with pytest.raises(DataSetError, match=expected):
            check_config(config(ingest=ingest))
    check_config(config(split={"allow_missing": True}))


def of_table(home: Path, size: int = 128, source: Any = None, **sections: Any) -> Config:
    """A configuration of five lines, for a table of embeddings with labels."""
    rows = [",".join(["fname", "labels", *(f"emb_{i}" for i in range(size))])]
    rows += [",".join([f"{i}.wav", "ab"[i % 2], *[f"{i}.5"] * size]) for i in range(40)]
    (home / "t.csv").write_text("\n".join(rows))
    table = {"kind": "embeddings", "root": str(home), "tables": [{"file": "t.csv"}]}
    return Config.model_validate({"source": table | (source or {})} | sections)


def test_embeddings_need_no_checkpoint_and_no_name_of_features(home: Path) -> None:
    checked = check_config(of_table(home))
    assert checked.source.size == checked.embedding_size == 128
    assert checked.network is None
    assert (checked.model[0].features, checked.model[0].task) == ("embedding", "single_label")
    named = check_config(of_table(home, 1024, {"network": "yamnet"}, features=RANDOM))
    assert (named.features.network, named.source.size) == ("yamnet", 1024)


RANDOM = {"checkpoint": "random"}


@pytest.mark.parametrize(
    ("source", "sections", "expected"),
    [
        ({}, {"features": RANDOM}, "features.checkpoint means nothing for embeddings of an unkn"),
        ({}, {"features": {"pca_params": "download"}}, "features.pca_params means nothing"),
        ({}, {"model": {"features": "mfcc"}}, "model.features is 'mfcc', but the network that"),
        ({}, {"model": {"head": "warm_start"}}, "warm_start learns from sound, but source.kind"),
        ({"size": 100}, {}, "The embeddings have 128 numbers, but source.size is 100"),
        ({"network": "vggish"}, {}, "No checkpoint is named"),
        (
            {"network": "yamnet"},
            {"features": RANDOM},
            "The embeddings have 128 numbers, but 'embedding' of yamnet has 1024; correct",
        ),
        (
            {"network": "vggish"},
            {"features": RANDOM, "model": {"features": "mfcc"}},
            "The embeddings have 128 numbers, but 'mfcc' of vggish has 40",
        ),
        (
            {"network": "vggish"},
            {"features": RANDOM | {"network": "yamnet"}},
            "source.network is vggish, but features.network is yamnet",
        ),
    ],
)
def test_what_embeddings_cannot_give_is_refused(
    home: Path, source: dict[str, Any], sections: dict[str, Any], expected: str
) -> None:
    with pytest.raises(ConfigError) as error:
        check_config(of_table(home, 128, source, **sections))
    assert expected in str(error.value)


def test_size_of_embeddings_elsewhere_must_be_known(home: Path) -> None:
    model = {"task": "single_label"}
    with pytest.raises(ConfigError, match=r"set source\.size to the numbers of an embedding"):
        check_config_without_data(of_table(home, model=model))
    assert check_config_without_data(of_table(home, 9, {"size": 9}, model=model)).source.size == 9
    named = of_table(home, source={"network": "vggish"}, features=RANDOM, model=model)
    assert check_config_without_data(named).source.size == 128


def test_windows_of_annotated_recordings_have_labels_as_said(home: Path) -> None:
    rows = [f"a/{i}.wav,0,0.01,{'ab'[i % 2]}" for i in (0, 2, 4)]
    rows += [f"b/{i}.wav,0,0.01,{'ab'[i % 2]}" for i in (1, 3, 5)]
    (home / "sounds" / "e.csv").write_text("\n".join(["file,start,end,label", *rows]))

    def source(**annotations: Any) -> dict[str, Any]:
        kept = {"tables": ["e.csv"]} | annotations
        return {"kind": "annotations", "root": "~/sounds", "annotations": kept}

    split = {"allow_missing": True}
    for one_label, task in ((False, "multi_label"), (True, "single_label")):
        checked = check_config(config(source=source(one_label=one_label), split=split))
        assert checked.model[0].task == task
    several = config(source=source(), split=split, model={"task": "single_label"})
    for check in (check_config, check_config_without_data):
        with pytest.raises(ConfigError, match=r"set source\.annotations\.one_label to true"):
            check(several)


def test_a_wanted_precision_needs_thresholds(home: Path) -> None:
    wanted = config(evaluate={"target_precision": 0.9}, model={"task": "single_label"})
    for check in (check_config, check_config_without_data):
        with pytest.raises(ConfigError, match="chooses thresholds, but of clips"):
            check(wanted)
    several = config(evaluate={"target_precision": 0.9}, model={"task": "multi_label"})
    assert check_config(several).evaluate.target_precision == 0.9


def test_background_makes_an_open_set(home: Path) -> None:
    (home / "sounds" / "c").mkdir()
    soundfile.write(home / "sounds" / "c" / "7.wav", [0.1] * 160, 16_000)
    source = {"root": "~/sounds", "background": ["c"]}
    for check in (check_config, check_config_without_data):
        with pytest.raises(ConfigError, match=r"clips without a label, but model\.task is single"):
            check(config(source=source, model={"task": "single_label"}))
    checked = check_config(config(source=source, split={"allow_missing": True}))
    assert (checked.model[0].task, checked.multi_label) == ("open_set", True)
    several = {"kind": "annotations", "annotations": {"tables": ["e.csv"]}, "root": "~/sounds"}
    with pytest.raises(ConfigError, match="one label or none, but clips have several"):
        check_config_without_data(config(source=several, model={"task": "open_set"}))


@pytest.mark.parametrize("password", [None, ""])
def test_store_without_a_password_is_refused(
    password: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = MetadataSettings(kind="mysql", history="job")
    if password is None:
        monkeypatch.delenv(settings.password_variable, raising=False)
    else:
        monkeypatch.setenv(settings.password_variable, password)
    with pytest.raises(ConfigError, match="is missing or empty; set the environment variable"):
        open_metadata_store(settings, RunFolder(tmp_path))


def test_folds_of_the_source_must_be_there(home: Path) -> None:
    with pytest.raises(ConfigError, match=r"gives no folds; set it to a number .*fold_pattern"):
        check_config(config(evaluate={"folds": "all"}))
    source = {"root": "~/sounds", "fold_pattern": r"([0-3])\.wav$"}
    with pytest.raises(ConfigError, match=r"gives [ab]/[45]\.wav no fold"):
        check_config(config(source=source, evaluate={"folds": "all"}))
    with pytest.raises(ConfigError, match=r"gives 1 fold;"):
        check_config(config(source=source | {"fold_pattern": "(wav)"}, evaluate={"folds": "all"}))
    source["fold_pattern"] = r"(\d)\.wav$"
    assert check_config(config(source=source, evaluate={"folds": "all"})).evaluate.folds == "all"
