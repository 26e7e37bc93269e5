"""The executor of nodes that train over folds."""

import os
from typing import Any, ClassVar

from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.components.util import udf_utils
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import json_utils

from components.folds.fold_clips import read_fold_clips
from components.folds.fold_plan import plan_folds
from components.unfinished_work import unfinished_folder
from schema.config.split_settings import SPLITS


class FoldExecutor(BaseExecutor):
    """Plans folds, and calls a function that trains over them, as TFX's Trainer calls its own."""

    splits: ClassVar[tuple[str, ...]] = SPLITS
    """The splits of the run whose clips are in the folds."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Plans the folds and calls the function.

        Args:
            input_dict: `examples` of clips, `embeddings` of the same clips, `transform_graph`.
            output_dict: The outputs; the function gets the folder of each as `custom_config`'s
                `outputs`.
            exec_properties: `run_fn`, the function's import path; `folds`, `eval_share` and `seed`
                of the folds; `custom_config`, further arguments, as JSON.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        examples = artifact_utils.get_single_instance(input_dict["examples"])
        folds = plan_folds(
            list(read_fold_clips(examples, self.splits)),
            exec_properties["folds"],
            eval_share=exec_properties["eval_share"],
            seed=exec_properties["seed"],
        )
        outputs = {key: artifact_utils.get_single_uri(value) for key, value in output_dict.items()}
        graph = artifact_utils.get_single_uri(input_dict["transform_graph"])
        run_fn = udf_utils.get_fn(exec_properties, "run_fn")
        run_fn(
            FnArgs(
                train_files=[
                    os.path.join(artifact_utils.get_split_uri(input_dict["embeddings"], split), "*")
                    for split in self.splits
                ],
                transform_output=graph,
                working_dir=unfinished_folder(
                    "finished_folds", next(iter(outputs.values())), input_dict, exec_properties
                ),
                custom_config=json_utils.loads(exec_properties["custom_config"])
                | {"folds": folds, "outputs": outputs},
            )
        )
