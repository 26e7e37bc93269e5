"""An ensemble of heads on different layer taps, asked with sound."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import tensorflow as tf
from tfx.components.trainer.fn_args_utils import FnArgs
from transform_graphs import write_transform_graph

from schema.config.model_settings import FeatureSettings, ModelSettings, TrainSettings
from schema.embedded_clips import to_table
from schema.imported_weights import import_weights, write_imported_weights
from schema.model_card import read_model_card
from schema.training_statistics import read_training_statistics
from trainer.ensemble.training import run_fn as combine
from trainer.fitting.frozen_head import run_fn as train
from vggish.embedding.embedder import Embedder
from vggish.networks.layer_taps import build_features
from vggish.weights.weight_arrays import random_weights

CLASSES = ["high", "low"]
TAPS = {"cepstrum": "mfcc", "middle": "fusion"}
WEIGHTS = random_weights(0, "yamnet")


def tones(clips: int, seed: int) -> list[np.ndarray]:
    """Noisy tones of half a second to two, every second one low."""
    rng = np.random.default_rng(seed)
    sounds = []
    for i in range(clips):
        seconds = np.arange(rng.integers(8_000, 32_000)) / 16_000
        tone = np.sin(2 * np.pi * (1_200, 300)[i % 2] * rng.uniform(0.7, 1.4) * seconds)
        sounds.append((0.1 * tone + rng.normal(0, 0.05, len(seconds))).astype(np.float32))
    return sounds


def write_features(path: Path, tap: str, sounds: list[np.ndarray]) -> None:
    embedder = Embedder(tap, WEIGHTS, network="yamnet")
    embedded = [windows for _, windows in embedder.embed(enumerate(sounds))]
    ids = [[i % 2] for i in range(len(sounds))]
    table = to_table(
        [f"{i:02}.wav" for i in range(len(sounds))],
        [[CLASSES[k]] for (k,) in ids],
        ids,
        np.array([len(windows) for windows in embedded]),
        np.concatenate(embedded),
    )
    pq.write_table(table, path)


def arguments(root: Path, name: str, tap: str, **model: object) -> FnArgs:
    """What a Trainer would be given; the model is written to a folder of its name."""
    sections = {
        "model": ModelSettings(name=name, features=tap, task="single_label", **model),
        "train": TrainSettings(),
        "features": FeatureSettings(network="yamnet", checkpoint="random"),
    }
    members = {n: {key: str(root / n / key) for key in ("model", "model_run")} for n in TAPS}
    return FnArgs(
        train_files=[str(root / f"{tap}_train.parquet")],
        eval_files=[str(root / f"{tap}_eval.parquet")],
        transform_output=str(root / "transform"),
        base_model=str(root / "weights"),
        serving_model_dir=str(root / name / "model"),
        model_run_dir=str(root / name / "model_run"),
        custom_config={
            **{name: section.model_dump(mode="json") for name, section in sections.items()},
            "max_clip_samples": 16_000 * 60,
            "embedding_size": None,
            "target_precision": None,
            "members": members,
            "backup_folder": str(root / name / "backups"),
        },
    )


def test_every_member_reads_its_own_tap_of_one_network(tmp_path: Path) -> None:
    weights = import_weights("yamnet", "random", WEIGHTS, None)
    write_imported_weights(str(tmp_path / "weights"), weights)
    write_transform_graph(CLASSES, tmp_path)
    for split, clips in (("train", 40), ("eval", 20)):
        for tap in TAPS.values():
            sounds = tones(clips, len(split))
            write_features(tmp_path / f"{tap}_{split}.parquet", tap, sounds)
    for name, tap in TAPS.items():
        train(arguments(tmp_path, name, tap, head="logistic_regression"))
    ensemble = {"members": list(TAPS), "combine": "mean"}
    combine(arguments(tmp_path, "all", "mfcc", head="ensemble", ensemble=ensemble))

    card = read_model_card(str(tmp_path / "all" / "model"))
    assert card["features"] == "mfcc, fusion"
    network = build_features("fusion", None, network="yamnet").count_params()
    heads = [
        read_model_card(str(tmp_path / name / "model"))["trainable_parameters"] for name in TAPS
    ]
    assert card["parameters"] == network + sum(heads)
    assert read_training_statistics(str(tmp_path / "all" / "model")) is None

    waveform = tf.constant([sound[:8_000] for sound in tones(6, 9)])
    scores = {}
    for name in ("all", *TAPS):
        served = tf.saved_model.load(str(tmp_path / name / "model"))
        scores[name] = served.signatures["waveform"](waveform=waveform)["scores"].numpy()
    expected = np.mean([scores[name] for name in TAPS], axis=0)
    assert np.ptp(expected, axis=0).min() > 0.1
    assert max(np.abs(scores[name] - expected).max() for name in TAPS) > 0.01
    np.testing.assert_allclose(scores["all"], expected, atol=1e-5)
