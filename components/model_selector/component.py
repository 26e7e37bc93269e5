"""The ModelSelector node."""

from dataclasses import dataclass

from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.artifacts import ModelComparison, Rejects
from components.model_selector.executor import CROSS_VALIDATION, Executor

_KEPT = {
    "model": standard_artifacts.Model,
    "model_run": standard_artifacts.ModelRun,
    "evaluation": standard_artifacts.ModelEvaluation,
    "blessing": standard_artifacts.ModelBlessing,
}


@dataclass(frozen=True)
class Candidate:
    """A model, and the artifacts that describe it.

    Attributes:
        model: The Trainer's model.
        model_run: The Trainer's record of the training.
        evaluation: The Evaluator's results on the test split.
        blessing: Whether the model may be pushed.
    """

    model: BaseChannel
    model_run: BaseChannel
    evaluation: BaseChannel
    blessing: BaseChannel


class ModelSelectorSpec(ComponentSpec):
    """The outputs and parameters of ModelSelector; `ModelSelector` adds its inputs."""

    PARAMETERS = {
        "about": ExecutionParameter(type=str),
    }
    INPUTS = {"rejects": ChannelParameter(type=Rejects)}
    OUTPUTS = {
        **{key: ChannelParameter(type=kind) for key, kind in _KEPT.items()},
        "comparison": ChannelParameter(type=ModelComparison),
    }


class ModelSelector(BaseComponent):
    """Compares the models of a run, and selects the best.

    The best model has the highest score on the eval split among the blessed models. If no model is
    blessed, the best one is selected unblessed, so that the report can describe it.

    The node completes the card of the chosen model with the results from after its training.

    Outputs: `model`, `model_run`, `evaluation` and `blessing` of the chosen one; `comparison`, one
    row per model.

    Args:
        candidates: The models by their names.
        rejects: AudioExampleGen's `rejects`, for the counts of clips.
        cross_validations: The cross-validations of heads, by the models' names.
        about: The configuration's texts about the model, as a JSON object.
    """

    SPEC_CLASS = ModelSelectorSpec
    EXECUTOR_SPEC = ExecutorClassSpec(Executor)

    def __init__(
        self,
        candidates: dict[str, Candidate],
        rejects: BaseChannel,
        cross_validations: dict[str, BaseChannel],
        *,
        about: str,
    ):
        # One input per candidate, since not every runner joins several channels into one.
        inputs = {
            f"{key}_{name}": getattr(candidate, key)
            for name, candidate in candidates.items()
            for key in _KEPT
        } | {f"{CROSS_VALIDATION}{name}": channel for name, channel in cross_validations.items()}
        types = {key: ChannelParameter(type=channel.type) for key, channel in inputs.items()}
        spec_class = type(
            "ModelSelectorSpec",
            (ModelSelectorSpec,),
            {"INPUTS": {**ModelSelectorSpec.INPUTS, **types}},
        )
        outputs = {key: Channel(type=kind) for key, kind in _KEPT.items()}
        super().__init__(
            spec_class(
                about=about,
                rejects=rejects,
                comparison=Channel(type=ModelComparison),
                **outputs,
                **inputs,
            )
        )
