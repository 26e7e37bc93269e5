"""Anomalies stop the run."""

from pathlib import Path

import pytest
import tensorflow_data_validation as tfdv
from tfx.types import artifact_utils, standard_artifacts
from tfx.utils import io_utils

from components.example_validator.executor import Executor
from pipeline.clip_nodes import SCHEMA_FOLDER
from vggish.errors import DataSetError


def validate(folder: Path, csv: str) -> None:
    (folder / "clips.csv").write_text(csv)
    schema, statistics = standard_artifacts.Schema(), standard_artifacts.ExampleStatistics()
    anomalies = standard_artifacts.ExampleAnomalies()
    schema.uri, statistics.uri = str(folder / "schema"), str(folder / "statistics")
    anomalies.uri = str(folder / "anomalies")
    io_utils.copy_file(str(SCHEMA_FOLDER / "schema.pbtxt"), f"{schema.uri}/schema.pbtxt")
    statistics.split_names = artifact_utils.encode_split_names(["train"])
    stats = tfdv.generate_statistics_from_csv(str(folder / "clips.csv"))
    io_utils.write_bytes_file(
        f"{statistics.uri}/Split-train/FeatureStats.pb", stats.SerializeToString()
    )
    Executor().Do(
        {"statistics": [statistics], "schema": [schema]},
        {"anomalies": [anomalies]},
        {"exclude_splits": "null"},
    )


HEADER = "clip_id,pcm,labels,group,source_rate,duration\n"


def test_clips_as_the_schema_wants_them_pass(tmp_path: Path) -> None:
    validate(tmp_path, HEADER + "a.wav,x,dog,s1,16000,1.5\nb.wav,y,cat,s2,8000,0.5\n")


def test_a_missing_feature_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataSetError, match=r"source_rate: .*\(split train\)"):
        validate(tmp_path, "clip_id,pcm,labels,group,duration\na.wav,x,dog,s1,1.5\n")


def test_a_value_out_of_range_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataSetError, match="duration: "):
        validate(tmp_path, HEADER + "a.wav,x,dog,s1,16000,-1.5\n")
