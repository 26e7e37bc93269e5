"""Evaluates a model, and the model in production if there is one."""

import json
import os
from typing import Any

import tensorflow as tf
from tfx.components.evaluator import executor
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.types.standard_component_specs import (
    BASELINE_MODEL_KEY,
    EVAL_CONFIG_KEY,
    EXAMPLE_SPLITS_KEY,
    EXAMPLES_KEY,
)

from components.artifacts import holds_model
from components.evaluator.group_slices import without_small_groups


class Executor(executor.Executor):
    """Evaluates as TFX's executor does."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Evaluates, without a baseline if no model was pushed yet, and without small groups."""
        inputs = {
            key: artifacts
            for key, artifacts in input_dict.items()
            if key != BASELINE_MODEL_KEY or all(map(holds_model, artifacts))
        }
        files = [
            file
            for split in json.loads(exec_properties[EXAMPLE_SPLITS_KEY])
            for uri in artifact_utils.get_split_uris(input_dict[EXAMPLES_KEY], split)
            for file in tf.io.gfile.glob(os.path.join(uri, "*"))
        ]
        config = without_small_groups(exec_properties[EVAL_CONFIG_KEY], files)
        super().Do(inputs, output_dict, {**exec_properties, EVAL_CONFIG_KEY: config})
