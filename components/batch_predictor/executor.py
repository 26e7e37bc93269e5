"""Scores clips without labels with the exported model."""

import os
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import tensorflow as tf
from apache_beam.io.parquetio import WriteToParquetBatched
from apache_beam.utils.shared import Shared
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import path_utils

from components.batches_by_windows import BatchByWindows
from components.leftovers import remove_leftovers
from schema import clip_examples
from schema.config.split_settings import UNLABELLED
from schema.model_card import read_model_card
from vggish import params
from vggish.progress import Progress


class Executor(BaseBeamExecutor):
    """Scores the split `unlabelled`, if it exists."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the predictions: `fname`, `label` (the top one) and a `score_` column per class.

        Args:
            input_dict: `examples` of clips, and `model`.
            output_dict: `predictions`; empty if every clip has labels.
            exec_properties: Unused.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        examples = artifact_utils.get_single_instance(input_dict["examples"])
        if UNLABELLED not in artifact_utils.decode_split_names(examples.split_names):
            return
        model = path_utils.serving_model_path(artifact_utils.get_single_uri(input_dict["model"]))
        card = read_model_card(model)
        classes = card["classes"]
        schema = pa.schema(
            [("fname", pa.string()), ("label", pa.string())]
            + [(f"score_{name}", pa.float32()) for name in classes]
        )
        clips = artifact_utils.get_split_uri([examples], UNLABELLED)
        output = artifact_utils.get_single_uri(output_dict["predictions"])
        with self._make_beam_pipeline() as pipeline:
            (
                pipeline
                | "Read" >> beam.io.ReadFromTFRecord(os.path.join(clips, "*"))
                | "Batch" >> BatchByWindows(_window_bytes(card))
                | "Predict" >> beam.ParDo(PredictClips(model, schema))
                | "Write"
                >> WriteToParquetBatched(
                    os.path.join(output, "predictions"), schema, file_name_suffix=".parquet"
                )
            )
        remove_leftovers(output_dict)


def _window_bytes(card: dict[str, Any]) -> int:
    """Returns how much a clip example grows with each window."""
    if card["embedded"]:
        return params.EMBEDDING_SIZE * np.dtype(np.float32).itemsize
    return round(card["hop_seconds"] * params.SAMPLE_RATE) * np.dtype(np.int16).itemsize


class PredictClips(beam.DoFn):
    """Scores batches of serialized clip examples; the model is loaded once per worker.

    Args:
        model: The SavedModel.
        schema: The table's columns, with the scores in the model's order of classes.
    """

    def __init__(self, model: str, schema: pa.Schema):
        self._path = model
        self._schema = schema
        self._shared = Shared()

    def setup(self) -> None:
        """Loads the model."""
        self._progress = Progress("clips")
        self._model = self._shared.acquire(lambda: tf.saved_model.load(self._path))

    def process(self, batch: list[bytes]) -> list[pa.Table]:
        """Returns the batch's rows."""
        answer = self._model.signatures["examples"](examples=tf.constant(batch))
        parsed = tf.io.parse_example(batch, clip_examples.clip_id_spec())
        columns = [parsed[clip_examples.CLIP_ID].numpy(), answer["label"].numpy()]
        columns = [[text.decode() for text in column] for column in columns]
        self._progress.advance(len(batch))
        scores = list(answer["scores"].numpy().T)
        return [pa.Table.from_arrays([*columns, *scores], schema=self._schema)]
