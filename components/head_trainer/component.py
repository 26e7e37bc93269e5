"""The HeadTrainer node."""

from tfx.components.trainer.component import Trainer
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec

from components.resuming_executor import ResumingExecutor


class HeadTrainer(Trainer):
    """TFX's Trainer, whose `custom_config` also has `backup_folder`."""

    EXECUTOR_SPEC = ExecutorClassSpec(ResumingExecutor)
