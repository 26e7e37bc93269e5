"""What EnsembleTrainer tells its `run_fn`, and what it depends on."""

from pathlib import Path

from tfx.components.util import examples_utils
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.artifact import Artifact
from tfx.types.channel import Channel
from tfx.utils import json_utils

from components.ensemble_trainer.component import EnsembleTrainer
from components.ensemble_trainer.executor import Executor


def at(artifact: Artifact, path: Path) -> Artifact:
    artifact.uri = str(path)
    return artifact


def member() -> dict[str, Channel]:
    return {
        "model": Channel(type=standard_artifacts.Model),
        "model_run": Channel(type=standard_artifacts.ModelRun),
    }


def test_the_run_fn_is_told_where_the_members_are(tmp_path: Path) -> None:
    node = EnsembleTrainer(
        "module.run_fn",
        {"examples": Channel(type=standard_artifacts.Examples)},
        {"dense": member(), "trees": member()},
        {"wanted": ["trees", "dense"]},
    )
    examples = at(standard_artifacts.Examples(), tmp_path / "examples")
    examples.split_names = artifact_utils.encode_split_names(["train", "eval"])
    examples_utils.set_payload_format(examples, example_gen_pb2.FORMAT_TF_EXAMPLE)
    inputs = {
        key: [examples if key == "examples" else at(channel.type(), tmp_path / key)]
        for key, channel in node.inputs.items()
    }
    assert len(inputs) == 5
    fn_args = Executor()._GetFnArgs(
        inputs,
        {
            "model": [at(standard_artifacts.Model(), tmp_path / "model")],
            "model_run": [at(standard_artifacts.ModelRun(), tmp_path / "model_run")],
        },
        {key: node.exec_properties[key] for key in ("train_args", "eval_args", "custom_config")},
    )
    assert fn_args.custom_config == {
        "wanted": ["trees", "dense"],
        "members": {
            name: {
                "model": str(tmp_path / f"member_model_{name}" / "Format-Serving"),
                "model_run": str(tmp_path / f"member_run_{name}"),
            }
            for name in ("dense", "trees")
        },
    }
    assert json_utils.loads(node.exec_properties["custom_config"]) == {"wanted": ["trees", "dense"]}
