"""What a finished run keeps of its first model's training, for benchmarks that train again."""

import json
from pathlib import Path

from tfx.components.trainer.fn_args_utils import FnArgs

from pipeline.trainer_nodes import trainer_config
from schema.config.config import Config


def read_config(output: Path) -> Config:
    """Reads the configuration of the run in a folder."""
    return Config.model_validate(json.loads((output / "summary.json").read_text())["config"])


def newest(output: Path, node: str, key: str) -> Path:
    """Returns the newest artifact of a node."""
    return max((output / "pipeline" / node / key).iterdir(), key=lambda path: int(path.name))


def split_files(output: Path, split: str) -> str:
    """Returns the pattern of the files with the features of a split."""
    return str(newest(output, "EmbeddingExporter", "embeddings") / f"Split-{split}" / "*")


def trainer_arguments(output: Path, config: Config) -> FnArgs:
    """Builds what a Trainer of the first model is told, without its files."""
    return FnArgs(
        transform_output=str(newest(output, "Transform", "transform_graph")),
        custom_config=trainer_config(config, config.model[0]),
    )
