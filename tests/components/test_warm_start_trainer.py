"""What WarmStartTrainer tells its `run_fn`."""

from pathlib import Path
from typing import Any

import pytest
from tfx.components.util import examples_utils
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.artifact import Artifact
from tfx.utils import json_utils

from components.artifacts import Noise
from components.warm_start_trainer.executor import Executor


def at(artifact: Artifact, path: Path) -> Artifact:
    artifact.uri = str(path)
    return artifact


@pytest.fixture
def examples(tmp_path: Path) -> Artifact:
    examples = at(standard_artifacts.Examples(), tmp_path / "examples" / "1")
    examples.split_names = artifact_utils.encode_split_names(["train", "eval"])
    examples_utils.set_payload_format(examples, example_gen_pb2.FORMAT_TF_EXAMPLE)
    return examples


def told(
    root: Path, examples: Artifact, execution: int, previous: list[Artifact], **config: Any
) -> dict[str, Any]:
    fn_args = Executor()._GetFnArgs(
        {
            "examples": [examples],
            "noise": [at(Noise(), root / "noise" / "1")],
            "previous_model": previous,
        },
        {
            "model": [at(standard_artifacts.Model(), root / "Trainer" / "model" / str(execution))],
            "model_run": [at(standard_artifacts.ModelRun(), root / "Trainer" / "model_run" / "1")],
        },
        {"train_args": "{}", "eval_args": "{}", "custom_config": json_utils.dumps(config)},
    )
    return fn_args.custom_config


def test_a_node_that_starts_again_finds_its_backups(tmp_path: Path, examples: Artifact) -> None:
    first = told(tmp_path, examples, 5, [], epochs=3)
    assert first["noise_files"] == [str(tmp_path / "noise" / "1" / "*")]
    assert (first["epochs"], first["previous_model"]) == (3, None)
    backups = Path(first["backup_folder"])
    assert backups.parent == tmp_path / "Trainer" / "training"
    assert told(tmp_path, examples, 6, [], epochs=3)["backup_folder"] == str(backups)


def test_other_trainings_have_other_backups(tmp_path: Path, examples: Artifact) -> None:
    previous = [at(standard_artifacts.Model(), tmp_path / "PreviousModel" / "model" / "4")]
    unfound = told(tmp_path, examples, 5, previous, epochs=3)
    Path(previous[0].uri, "Format-Serving").mkdir(parents=True)
    one = told(tmp_path, examples, 5, [], epochs=3)["backup_folder"]
    longer = told(tmp_path, examples, 5, [], epochs=4)["backup_folder"]
    after_another = told(tmp_path, examples, 5, previous, epochs=3)
    assert len({one, longer, after_another["backup_folder"]}) == 3
    assert unfound["previous_model"] is None
    assert after_another["previous_model"].startswith(previous[0].uri)
    examples.uri = str(tmp_path / "examples" / "2")
    assert told(tmp_path, examples, 5, [], epochs=3)["backup_folder"] != one
