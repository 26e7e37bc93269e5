"""The executor of the Tuner."""

from components.folds.executor import FoldExecutor


class Executor(FoldExecutor):
    """Folds without the clips of the run's test split, which a search never sees."""

    splits = ("train", "eval")
