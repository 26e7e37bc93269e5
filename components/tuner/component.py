"""The Tuner node."""

from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.types import standard_artifacts
from tfx.types.component_spec import ChannelParameter

from components.artifacts import Trials
from components.folds.node import FoldNode, FoldSpec
from components.tuner.executor import Executor


class TunerSpec(FoldSpec):
    """The inputs, outputs and parameters of Tuner."""

    OUTPUTS = {
        "best_hyperparameters": ChannelParameter(type=standard_artifacts.HyperParameters),
        "trials": ChannelParameter(type=Trials),
    }


class Tuner(FoldNode):
    """Searches for the settings of a head, over folds of the train and eval clips.

    It is not TFX's Tuner, which gives a KerasTuner the train and the eval split of one set of
    examples: folds need the clips' groups, which the embedded clips lack, and their features, which
    the clips lack. Its output for Trainers is the same.

    Outputs: `best_hyperparameters`, the best settings; `trials`, all of them.
    """

    SPEC_CLASS = TunerSpec
    EXECUTOR_SPEC = ExecutorClassSpec(Executor)
