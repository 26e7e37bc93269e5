"""Groups that are nearly as many as clips are no slices."""

from pathlib import Path

import pytest
import tensorflow as tf
from google.protobuf import json_format
from tensorflow_model_analysis.proto.config_pb2 import EvalConfig

from components.evaluator.group_slices import without_small_groups
from pipeline.eval_config import eval_config
from schema.config.delivery_settings import EvaluateSettings
from vggish.example_features import bytes_feature, serialized_example


def sliced_by(path: Path, groups: list[bytes | None], *slices: str) -> list[list[str]]:
    """The slices that are left for clips of these groups."""
    with tf.io.TFRecordWriter(str(path)) as writer:
        for group in groups:
            features = {"clip_id": bytes_feature([b"x"])}
            if group is not None:
                features["group"] = bytes_feature([group])
            writer.write(serialized_example(features))
    config = eval_config(EvaluateSettings(slices=slices), multi_label=True)
    left = json_format.Parse(
        without_small_groups(json_format.MessageToJson(config), [str(path)]), EvalConfig()
    )
    assert left.metrics_specs == config.metrics_specs
    assert left.model_specs == config.model_specs
    return [list(spec.feature_keys) for spec in left.slicing_specs]


@pytest.mark.parametrize(
    ("clips_a_group", "left"),
    [(1, [[], ["labels"]]), (4, [[], ["labels"]]), (5, [[], ["labels"], ["group"]])],
)
def test_groups_have_five_clips_on_average(
    clips_a_group: int, left: list[list[str]], tmp_path: Path
) -> None:
    groups = [b"%d" % (i % 20) for i in range(20 * clips_a_group)]
    assert sliced_by(tmp_path / "clips", groups, "label", "group") == left


def test_clips_without_a_group_do_not_count(tmp_path: Path) -> None:
    assert sliced_by(tmp_path / "clips", [b"a", b"b", *[None] * 90], "group") == [[]]
    assert sliced_by(tmp_path / "clips", [None] * 9, "group") == [[], ["group"]]


def test_other_slices_do_not_read_the_clips() -> None:
    config = eval_config(EvaluateSettings(slices=("label",)), multi_label=False)
    text = json_format.MessageToJson(config)
    assert without_small_groups(text, ["no such file"]) == text
