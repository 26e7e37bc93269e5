"""What a configuration says, and what is said of a wrong one."""

from pathlib import Path

import pytest
import yaml

from schema.config.config import Config
from schema.config.config_file import load_config, parse_overrides
from vggish.errors import ConfigError, VggishError
from vggish.networks.yamnet_network import YAMNET

PROJECT = Path(__file__).resolve().parents[2]


def write(folder: Path, text: str) -> Path:
    path = folder / "job.yaml"
    path.write_text(text)
    return path


def load(folder: Path, text: str, **overrides: object) -> Config:
    return load_config(write(folder, text), overrides)


@pytest.mark.parametrize("path", sorted(PROJECT.glob("configs/*.yaml")), ids=lambda p: p.name)
def test_shipped_configurations_are_valid(path: Path) -> None:
    assert load_config(path, {}).source.root


def test_overrides_win_over_the_file(tmp_path: Path) -> None:
    overrides = parse_overrides(["train.epochs=3", "model.hidden=[200, 100]"])
    config = load_config(
        write(tmp_path, "source: {root: /sounds}\ntrain: {epochs: 9, batch_size: 7}"), overrides
    )
    assert config.train.epochs == 3
    assert config.train.batch_size == 7
    assert config.model[0].hidden == (200, 100)


def test_a_whole_section_is_overridden(tmp_path: Path) -> None:
    overrides = parse_overrides(["model=[{head: knn}, {head: dense}]"])
    config = load(tmp_path, "source: {root: /sounds}\nmodel: {head: xgboost}", **overrides)
    assert [model.head for model in config.model] == ["knn", "dense"]


def test_overrides_reach_the_sections_of_a_section(tmp_path: Path) -> None:
    overrides = parse_overrides(["model.head=knn", "model.knn.neighbours=3"])
    text = "source: {root: /sounds}\nmodel: {knn: {neighbours: 9, metric: euclidean}}"
    config = load_config(write(tmp_path, text), overrides)
    assert config.model[0].head == "knn"
    assert (config.model[0].knn.neighbours, config.model[0].knn.metric) == (3, "euclidean")


def test_one_model_of_a_list_is_overridden_by_its_place(tmp_path: Path) -> None:
    text = "source: {root: /sounds}\nmodel: [{head: dense}, {head: knn, knn: {metric: euclidean}}]"
    config = load(tmp_path, text, **{"model.1.knn.neighbours": 3})
    assert [model.title for model in config.model] == ["dense", "knn"]
    assert (config.model[1].knn.neighbours, config.model[1].knn.metric) == (3, "euclidean")
    for key in ("model.head", "model.2.head", "model.1.head.knn"):
        with pytest.raises(ConfigError, match="--set names"):
            load(tmp_path, text, **{key: "knn"})


def test_a_model_may_be_trained_in_its_own_way(tmp_path: Path) -> None:
    text = (
        "source: {root: /sounds}\ntrain: {epochs: 9, seed: 2}\n"
        "model: [{head: dense}, {head: dense, name: short, train: {epochs: 3}}]"
    )
    config = load(tmp_path, text)
    common, short = (config.train_settings(model) for model in config.model)
    assert (common.epochs, common.seed) == (9, 2)
    assert (short.epochs, short.seed) == (3, 2)


def test_only_a_frozen_head_looks_for_its_learning_rate(tmp_path: Path) -> None:
    models = (
        "model: [{head: dense}, {head: warm_start},"
        " {head: warm_start, name: own, train: {learning_rate: 0.1}}]"
    )
    config = load(tmp_path, "source: {root: /sounds}\n" + models)
    rates = [config.train_settings(model).learning_rate for model in config.model]
    assert rates == ["auto", 0.003, 0.1]
    named = load(tmp_path, "source: {root: /sounds}\ntrain: {learning_rate: auto}\n" + models)
    rates = [named.train_settings(model).learning_rate for model in named.model]
    assert rates == ["auto", "auto", 0.1]


def test_an_ensemble_has_the_features_of_its_first_member(tmp_path: Path) -> None:
    text = (
        "source: {root: /s}\nmodel: [{head: ensemble, ensemble: {members: [knn, tuned]}}, "
        "{head: dense}, {head: knn, features: mfcc}]\ntune: {trials: 2}"
    )
    config = load(tmp_path, text)
    assert [model.features for model in config.model] == ["mfcc", "fusion", "mfcc"]
    assert [model.title for model in config.models_on_features] == ["dense", "knn"]
    assert config.tuned_model.head == "dense"
    # The configuration that a run keeps is one that can be run again.
    again = Config.model_validate(config.model_dump(mode="json", exclude_defaults=True))
    assert again == config


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("source: {root: /s}\ntrian: {}", "unknown key 'trian'; did you mean 'train'?"),
        (
            "source: {root: /s}\ntrain: {epoch: 1}",
            "unknown key 'train.epoch'; did you mean 'epochs'?",
        ),
        (
            "source: {root: /s}\nmodel: {knn: {neighbors: 1}}",
            "unknown key 'model.knn.neighbors'; did you mean 'neighbours'?",
        ),
        (
            "source: {kind: manifest, root: /s, tables: [{fiel: a.csv}]}",
            "unknown key 'source.tables.0.fiel'; did you mean 'file'?",
        ),
        ("train: {epochs: 1}", "the key 'source' is missing (or pass --data-root)"),
        ("source: {}", "'source.root' is missing (or pass --data-root)"),
        ("source: {root: /s}\ntrain: {epochs: many}", "'train.epochs'"),
        ("source: {root: /s}\ntrain: {epochs: 0}", "must be more than 0 (it is 0)"),
        ("source: {root: /s}\ntrain: {memory_gb: 0}", "must be more than 0 (it is 0)"),
        ("source: {root: /s}\nmodel: {features: fusoin}", "fusion"),
        ("source: {root: /s, group_pattern: 'abc'}", "has no parenthesis"),
        (
            "source: {root: /s, group_pattern: '(['}",
            "'source.group_pattern': '([' is no regular expression, because of its part '['; put a "
            "backslash before a character that stands for itself, and close every bracket.",
        ),
        ("source: {root: /s}\ntrain: {epochs: .inf}", "'train.epochs': must be a finite number"),
        ("source: {root: /s}\n1: 2", "'1': is a key, and a key must be a text"),
        ("source: {root: /s}\ncard: {title: 2026-01-31}", 'must be a text (it is "2026-01-31")'),
        (
            "source: {root: /s}\nmodel: [{head: knn}, {knn: {neighbors: 1}}]",
            "unknown key 'model.1.knn.neighbors'; did you mean 'neighbours'?",
        ),
        (
            "source: {root: /s}\nmodel: [{head: knn}, {head: knn, features: mfcc}]",
            "several models are called 'knn'; give each a `name`.",
        ),
        ("source: {root: /s}\nmodel: {name: My Model}", "'model.name'"),
        (
            "source: {root: /s}\nmodel: [{head: knn}, {head: ensemble}]",
            "the ensemble 'ensemble' has the members none; name two or more different models",
        ),
        (
            "source: {root: /s}\nmodel: [{head: knn}, {head: ensemble, "
            "ensemble: {members: [knn, knn]}}]",
            "has the members knn, knn; name two or more different models",
        ),
        (
            "source: {root: /s}\nmodel: [{head: knn}, {head: ensemble, "
            "ensemble: {members: [knn, dense]}}]",
            "has the member 'dense', which is no model of the run; name some of knn.",
        ),
        (
            "source: {root: /s}\nmodel: [{head: knn}, {head: warm_start}, {head: ensemble, "
            "name: both, ensemble: {members: [knn, warm_start]}}]",
            "'both' has the member 'warm_start', whose head is warm_start; only heads on cached",
        ),
        (
            "source: {root: /s}\nmodel: [{head: knn}, {head: ensemble, "
            "ensemble: {members: [knn, ensemble]}}]",
            "whose head is ensemble; only heads on cached features can be members",
        ),
        (
            "source: {root: /s}\nmodel: [{head: knn}, {head: dense}, {head: ensemble, "
            "pooling: mean_max, ensemble: {members: [knn, dense]}}]",
            "'pooling' of the ensemble 'ensemble' means nothing; set it in its members",
        ),
        (
            "source: {root: /s}\nmodel: [{head: knn}, {head: dense}, {head: ensemble, "
            "features: mfcc, ensemble: {members: [knn, dense]}}]",
            "'features' of the ensemble 'ensemble' means nothing, since its members have",
        ),
        (
            "source: {root: /s}\nmodel: [{head: knn}, {head: ensemble, "
            "ensemble: {members: [knn, tuned]}}]",
            "is the model that `tune` finds; add a section `tune`, or name another",
        ),
        (
            "source: {root: /s}\nevaluate: {target_precision: 95}",
            "'evaluate.target_precision': must be at most 1 (it is 95)",
        ),
        (
            "source: {root: /s, classes: [dog, wind], background: [wind]}",
            "'wind' is in `classes` and in `background`; keep it in one",
        ),
        (
            "source: {root: /s, kind: audioset_embeddings, background: [wind]}",
            "'background'",
        ),
        ("source: {root: /s}\nmodel: []", "'model': must not be an empty list."),
        ("source: {root: /s}\nsplit: {train: 0.5}", "must add up to 1, not 0.7"),
        ("- a\n- b", "must hold sections"),
        (
            "source: {root: /s}\nmodel: {head: xgbost}",
            "'model.head' is 'xgbost'; did you mean 'xgboost'?",
        ),
        ("source: {root: /s}\nsplit: {kind: xyz}", "'xyz'; choose one of hash, tables, column,"),
        ("source: {root: /s}\ntrain: []", "'train': must be a section of keys and values"),
        ("source: {root: /s}\nfeatures: {seed: 1.5}", "must be a whole number (it is 1.5)"),
        ("source: {root: /s}\nsplit: {allow_missing: maybe}", "must be true or false"),
        (
            "source: {root: /s}\nsplit:\n  kind: hash\nsource: {root: /t}",
            "is not YAML: line 4 has 'source' a second time; keep one of the two.",
        ),
        ("source: {root: /s}\n? [a]\n: 1", "is not YAML from line 2"),
        ("source: {root: [", "is not YAML: it ends before a bracket"),
        ("source: {root: /s}\nsplit: kind: hash", "is not YAML from line 2, column 12 on; put"),
        ("source: {root: /s, group_pattern: *_(.)}", "is not YAML from line 1, column 3"),
    ],
)
def test_wrong_configurations_are_refused_in_one_sentence(
    tmp_path: Path, text: str, says: str
) -> None:
    with pytest.raises(VggishError) as caught:
        load(tmp_path, text)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml cannot be read: No such file"):
        load_config(tmp_path / "none.yaml", {})


@pytest.mark.parametrize("word", ["train.epochs", "train.epochs=["])
def test_wrong_overrides_are_refused(word: str) -> None:
    with pytest.raises(ConfigError, match="--set"):
        parse_overrides([word])


def test_attention_is_for_heads_that_can_learn_it(tmp_path: Path) -> None:
    text = "source: {root: /sounds}\nmodel: {head: %s, pooling: attention}"
    assert load(tmp_path, text % "dense").model[0].pooling == "attention"
    with pytest.raises(ConfigError, match="the head knn cannot learn an attention; set it to mean"):
        load(tmp_path, text % "knn")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"kind": "postgresql", "history": "x"}, "PostgreSQL does not work"),
        ({"kind": "mysql"}, "give this one a `history`"),
        ({"host": "db"}, "set `kind` to mysql"),
        ({"kind": "mysql", "history": "x", "password": "p"}, "unknown key 'metadata.password'"),
    ],
)
def test_metadata_store_that_cannot_be_is_refused(
    tmp_path: Path, values: dict[str, str], said: str
) -> None:
    path = tmp_path / "job.yaml"
    path.write_text(yaml.safe_dump({"source": {"root": "sounds"}, "metadata": values}))
    with pytest.raises(ConfigError, match=said):
        load_config(path, {})


def test_clips_that_no_model_could_serve_are_told(tmp_path: Path) -> None:
    text = "source: {root: /sounds}\nfeatures: {hop_seconds: 0.01}"
    with pytest.raises(ConfigError, match=r"clips of 60000 windows.* to 81 or less"):
        load(tmp_path, text)
    assert load(tmp_path, text, **{"ingest.max_seconds": 81})
    assert load(tmp_path, text, **{"features.hop_seconds": 0.1})
    with pytest.raises(ConfigError, match=r"set ingest\.max_seconds to 7864 or less"):
        load(tmp_path, text, **{"features.hop_seconds": 10, "ingest.max_seconds": 10_000})


def test_what_is_lengthened_can_be_served(tmp_path: Path) -> None:
    text = "source: {root: /sounds}\ningest: {max_seconds: 1, windows: {exactly: 3}}"
    ingest = load(tmp_path, text).ingest
    assert ingest.max_clip_samples == ingest.target_samples > 16_000


def test_the_network_decides_windows_taps_and_layers(tmp_path: Path) -> None:
    text = "source: {root: /sounds}\nfeatures: {network: yamnet}\nmodel: {features: embedding}"
    front_end = load(tmp_path, text).features.front_end
    assert (front_end.hop_samples, front_end.log_offset, front_end.pads_the_end) == (
        7_680,
        0.001,
        True,
    )
    changed = load(tmp_path, text, **{"features.hop_seconds": 0.1}).features.front_end
    assert (changed.hop_samples, changed.log_offset) == (1_600, 0.001)
    assert load(tmp_path, text, **{"features.network": "vggish"}).features.front_end.hop_samples
    with pytest.raises(VggishError, match="YAMNet has no features 'fc1'"):
        load(tmp_path, text, **{"model.features": "fc1"})
    with pytest.raises(VggishError, match="There is no network 'resnet'"):
        load(tmp_path, text, **{"features.network": "resnet"})
    warm = {"model.head": "warm_start", "model.warm_start.freeze_below": "conv3"}
    with pytest.raises(ConfigError, match="YAMNet has no 'conv3', as freeze_below says"):
        load(tmp_path, text, **warm)
    model = load(tmp_path, text, **(warm | {"model.warm_start.freeze_below": "layer13"}))
    frozen = model.model[0].warm_start.frozen_layers(YAMNET)
    assert frozen[-1] == "layer12_pointwise_conv"


@pytest.mark.parametrize("folds", ["all", 2, 5, 100])
def test_folds_of_a_cross_validation(folds: object, tmp_path: Path) -> None:
    config = load(tmp_path, "source: {root: /sounds}", **{"evaluate.folds": folds})
    assert config.evaluate.folds == folds


@pytest.mark.parametrize("folds", [1, 0, 101, 2.5, "some", True])
def test_folds_that_mean_nothing(folds: object, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"'evaluate\.folds': must be all or a whole"):
        load(tmp_path, "source: {root: /sounds}", **{"evaluate.folds": folds})


def test_folds_are_for_heads_on_features(tmp_path: Path) -> None:
    text = "source: {root: /sounds}\nevaluate: {folds: 5}\nmodel: {head: warm_start}"
    with pytest.raises(ConfigError, match=r"evaluate\.folds .* warm_start .* add a model"):
        load(tmp_path, text)
    both = load(tmp_path, text, model=[{"head": "warm_start"}, {"head": "knn"}])
    assert [model.title for model in both.models_on_features] == ["knn"]


def test_a_search_for_settings(tmp_path: Path) -> None:
    config = load(tmp_path, "source: {root: /sounds}\ntune: {trials: 12, minutes: 10, seed: 4}")
    assert config.tune is not None
    assert (config.tune.trials, config.tune.minutes, config.tune.seed) == (12, 10, 4)
    assert (config.tuned_model.title, config.tuned_model.head) == ("tuned", "dense")
    assert load(tmp_path, "source: {root: /sounds}").tune is None


@pytest.mark.parametrize(
    ("tune", "words"),
    [
        ("{trials: 1}", "at least 2"),
        ("{trials: many}", "whole number"),
        ("{minutes: 0}", "more than 0"),
        ("{minute: 3}", "unknown key 'tune.minute'; did you mean 'minutes'"),
        ("{seed: -1}", "at least 0"),
        ("{}\nmodel: {head: warm_start}", "tune trains heads on cached features"),
        ("{}\nmodel: {head: knn, name: tuned}", "'tuned' is the model that `tune` finds"),
    ],
)
def test_a_search_that_means_nothing(tune: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=words):
        load(tmp_path, f"source: {{root: /sounds}}\ntune: {tune}")
