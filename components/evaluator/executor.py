"""Evaluates a model, and the model in production if there is one."""

from typing import Any

from tfx.components.evaluator import executor
from tfx.types.artifact import Artifact
from tfx.types.standard_component_specs import BASELINE_MODEL_KEY

from components.artifacts import holds_model


class Executor(executor.Executor):
    """Evaluates as TFX's executor does."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Evaluates, without a baseline if no model was pushed yet."""
        inputs = {
            key: artifacts
            for key, artifacts in input_dict.items()
            if key != BASELINE_MODEL_KEY or all(map(holds_model, artifacts))
        }
        super().Do(inputs, output_dict, exec_properties)
