"""The ModelSelector node."""

from dataclasses import dataclass

from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.types import standard_artifacts
from tfx.types.channel import BaseChannel, Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter

from components.artifacts import ModelComparison, Rejects
from components.model_selector.executor import Executor

_KEPT = {
    "model": standard_artifacts.Model,
    "model_run": standard_artifacts.ModelRun,
    "evaluation": standard_artifacts.ModelEvaluation,
    "blessing": standard_artifacts.ModelBlessing,
}


@dataclass(frozen=True)
class Candidate:
    """A model, and what is known of it.

    Attributes:
        model: The Trainer's.
        model_run: How it was trained.
        evaluation: How it does on the test split.
        blessing: Whether it may be pushed.
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
    """Compares the models of a run, and hands on the best.

    That is the one with the highest score on the eval split among those that are blessed; where
    none is, the best one goes on unblessed, for the report to tell of.

    The card of the chosen model is completed with what was found out after its training.

    Outputs: `model`, `model_run`, `evaluation` and `blessing` of the chosen one; `comparison`, a
    row a model.

    Args:
        candidates: The models by their names.
        rejects: AudioExampleGen's, for the counts of clips.
        about: What the configuration says of the model, as a JSON object of texts.
    """

    SPEC_CLASS = ModelSelectorSpec
    EXECUTOR_SPEC = ExecutorClassSpec(Executor)

    def __init__(
        self,
        candidates: dict[str, Candidate],
        rejects: BaseChannel,
        *,
        about: str,
    ):
        # An input a candidate, since not every runner lets several channels into one.
        inputs = {
            f"{key}_{name}": getattr(candidate, key)
            for name, candidate in candidates.items()
            for key in _KEPT
        }
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
