"""A `run_fn` of TFX on as many workers as the configuration says."""

from collections.abc import Callable
from functools import wraps

import tensorflow as tf
from tfx.components.trainer.fn_args_utils import FnArgs

from schema.config.model_settings import GRADIENT_HEADS, TrainSettings
from trainer.workers.local_workers import run_local_workers
from trainer.workers.strategy import is_in_cluster, training_strategy, wait_for_all


def on_workers(
    train: Callable[[FnArgs, tf.distribute.Strategy], None],
) -> Callable[[FnArgs], None]:
    """Turns a training into a `run_fn` that every worker of it runs.

    Where TF_CONFIG names the workers, this process is one of them. Otherwise `train.workers`
    processes are started on this machine, and this one waits for them.

    Args:
        train: Training, in the scope of a strategy. Only the first worker writes its outputs.

    Returns:
        The `run_fn`.
    """

    @wraps(train)
    def run_fn(fn_args: FnArgs) -> None:
        settings = fn_args.custom_config
        tuned = (fn_args.hyperparameters or {}).get("model", {})
        by_gradient = (settings["model"] | tuned)["head"] in GRADIENT_HEADS
        workers = TrainSettings.model_validate(settings["train"]).workers if by_gradient else 1
        if workers > 1 and not is_in_cluster():
            run_local_workers(f"{train.__module__}.{train.__name__}", fn_args, workers)
        else:
            strategy = training_strategy(workers)
            # Other heads are fitted on one device.
            train(fn_args, strategy if by_gradient else tf.distribute.get_strategy())
            wait_for_all(strategy)

    return run_fn
