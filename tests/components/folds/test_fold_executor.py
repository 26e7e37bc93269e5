"""What nodes that train over folds tell their function, and which clips they may see."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tfx.components.util import udf_utils
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.artifact import Artifact
from tfx.utils import json_utils

from components.artifacts import CrossValidation
from components.audio_example_gen.clip_reading import ClipFacts, to_features
from components.folds.executor import FoldExecutor
from components.tuner.executor import Executor as TunerExecutor
from vggish.example_features import bytes_feature, serialized_example

SPLITS = {"train": 24, "eval": 8, "test": 8}


@pytest.fixture
def inputs(tmp_path: Path) -> dict[str, list[Artifact]]:
    examples, embeddings = standard_artifacts.Examples(), standard_artifacts.Examples()
    for artifact, name in ((examples, "examples"), (embeddings, "embeddings")):
        artifact.uri = str(tmp_path / name)
        artifact.split_names = artifact_utils.encode_split_names([*SPLITS])
    for split, clips in SPLITS.items():
        folder = tmp_path / "examples" / f"Split-{split}"
        folder.mkdir(parents=True)
        with tf.io.TFRecordWriter(str(folder / "clips")) as file:
            for i in range(clips):
                facts = ClipFacts(f"{split}{i}", ("ab"[i % 2],), None, None, 1.0)
                pcm = np.array([i, clips, len(split)], np.int16).tobytes() + split.encode()
                file.write(serialized_example(to_features(facts) | {"pcm": bytes_feature([pcm])}))
    graph = standard_artifacts.TransformGraph()
    graph.uri = str(tmp_path / "graph")
    return {"examples": [examples], "embeddings": [embeddings], "transform_graph": [graph]}


def told(
    executor: FoldExecutor,
    inputs: dict[str, list[Artifact]],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    **changes: Any,
) -> Any:
    output = CrossValidation()
    output.uri = str(folder / "CrossValidator" / "cross_validation" / changes.pop("execution", "7"))
    found = []
    monkeypatch.setattr(udf_utils, "get_fn", lambda *_: found.append)
    properties = {"run_fn": "a.b", "folds": "4", "eval_share": 0.2, "seed": 0}
    properties |= {"custom_config": json_utils.dumps({"model": {"head": "knn"}})} | changes
    executor.Do(inputs, {"cross_validation": [output]}, properties)
    return found[0]


def test_a_cross_validation_has_all_clips(
    inputs: dict[str, list[Artifact]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fn_args = told(FoldExecutor(), inputs, tmp_path, monkeypatch)
    folds = fn_args.custom_config["folds"]
    assert [fold.name for fold in folds] == ["1", "2", "3", "4"]
    tested = [name for fold in folds for name in fold.test]
    assert sorted(tested) == sorted(f"{s}{i}" for s, clips in SPLITS.items() for i in range(clips))
    assert [Path(f).parent.name for f in fn_args.train_files] == [f"Split-{s}" for s in SPLITS]
    assert fn_args.custom_config["model"] == {"head": "knn"}
    assert fn_args.transform_output == str(tmp_path / "graph")
    assert Path(fn_args.working_dir).parent == tmp_path / "CrossValidator" / "finished_folds"


def test_a_search_never_sees_the_test_split(
    inputs: dict[str, list[Artifact]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fn_args = told(TunerExecutor(), inputs, tmp_path, monkeypatch)
    assert [Path(f).parent.name for f in fn_args.train_files] == ["Split-train", "Split-eval"]
    for fold in fn_args.custom_config["folds"]:
        for name in fold.test | fold.eval | fold.left_out:
            assert not name.startswith("test")


def test_what_is_finished_is_found_again_by_the_same_node_alone(
    inputs: dict[str, list[Artifact]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def folder(**changes: Any) -> str:
        return told(FoldExecutor(), inputs, tmp_path, monkeypatch, **changes).working_dir

    assert folder() == folder(execution="8")
    assert folder() != folder(seed=1)
