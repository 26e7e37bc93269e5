"""Scores test clips and clips without labels with the exported model, and finds events."""

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

from components.annotated_test_set import read_annotated_test_set
from components.batch_predictor.event_detection import DetectEvents, Detector
from components.batch_predictor.recordings import list_recordings
from components.batches_by_windows import BatchByWindows
from components.counts import read_clips_by_split
from components.file_trees.data_root import open_tree
from components.file_trees.file_tree import Entry
from components.leftovers import remove_leftovers
from components.window_model import load_window_model
from schema import clip_examples
from schema.config.predict.predict_settings import PredictSettings
from schema.config.split_settings import UNLABELLED
from schema.model_card import read_model_card
from vggish import params
from vggish.audio.decoding import Resampler
from vggish.audio.recording_windows import WindowGrid
from vggish.progress import Progress

TEST_FILE = "test_predictions.parquet"
"""File with a row per test clip, in the output `test_predictions`."""

_TEST = "test"


class Executor(BaseBeamExecutor):
    """Scores the split `test`, the split `unlabelled` if it exists, and recordings."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the predictions, with a column `score_CLASS` per class.

        Args:
            input_dict: `examples` of clips, `model`, and `rejects`.
            output_dict: `predictions`, also with `fname` and `label` (the top one); empty if every
                clip has labels. `test_predictions`, also with `fname`, `true`, `predicted`,
                `split`, `group`, `seconds` (NaN if unknown) and, if the model has it,
                `unfamiliarity`; the labels are lists if clips have several. `events`: see
                `DetectEvents`; empty without recordings. `test_events`: the same of the annotated
                recordings of the test split.
            exec_properties: `predict`, the section of the configuration as JSON, and `resampler`.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        examples = artifact_utils.get_single_instance(input_dict["examples"])
        splits = artifact_utils.decode_split_names(examples.split_names)
        model = path_utils.serving_model_path(artifact_utils.get_single_uri(input_dict["model"]))
        card = read_model_card(model)
        rejects = artifact_utils.get_single_uri(input_dict["rejects"])
        clips = read_clips_by_split(rejects)
        test_file, unlabelled_files = (
            os.path.join(artifact_utils.get_single_uri(output_dict[key]), name)
            for key, name in (("test_predictions", TEST_FILE), ("predictions", "predictions"))
        )
        with self._make_beam_pipeline() as pipeline:

            def predict(split: str, schema: pa.Schema) -> beam.PCollection:
                folder = artifact_utils.get_split_uri([examples], split)
                return (
                    pipeline
                    | f"Read[{split}]" >> beam.io.ReadFromTFRecord(os.path.join(folder, "*"))
                    | f"Batch[{split}]" >> BatchByWindows(_window_bytes(card))
                    | f"Predict[{split}]" >> beam.ParDo(PredictClips(model, schema, clips[split]))
                )

            schema = _test_schema(card)
            # One file, whose path is always the same.
            predict(_TEST, schema) | "WriteTest" >> WriteToParquetBatched(
                test_file, schema, num_shards=1, shard_name_template=""
            )
            if UNLABELLED in splits:
                schema = _schema(card, {"fname": pa.string(), "label": pa.string()})
                predict(UNLABELLED, schema) | "Write" >> WriteToParquetBatched(
                    unlabelled_files, schema, file_name_suffix=".parquet"
                )
        settings = PredictSettings.model_validate_json(exec_properties["predict"])
        outputs = {
            key: artifact_utils.get_single_uri(output_dict[key])
            for key in ("events", "test_events")
        }
        for output in outputs.values():
            tf.io.gfile.makedirs(output)
        if recordings := _recordings(settings, rejects):
            detector = _detector(model, settings, exec_properties["resampler"])
            with self._make_beam_pipeline() as pipeline:
                for key, (folder, entries) in recordings.items():
                    detect = DetectEvents(folder, entries, detector, outputs[key])
                    pipeline | f"Detect[{key}]" >> detect
        remove_leftovers(output_dict)


def _recordings(settings: PredictSettings, rejects: str) -> dict[str, tuple[str, list[Entry]]]:
    """Returns the folder of recordings and the recordings, by the output for their events."""
    found = {}
    if settings.recordings is not None:
        found["events"] = (settings.recordings, list_recordings(settings.recordings))
    if (test := read_annotated_test_set(rejects)) is not None:
        found["test_events"] = (test.root, list(open_tree(test.root).find(test.events)))
    return found


def _detector(model: str, settings: PredictSettings, resampler: Resampler) -> Detector:
    # Loaded here once as well: a model that takes no sound is told before workers start.
    min_scores = load_window_model(model).min_scores(settings.windows.min_score)
    grid = WindowGrid(settings.windows.hop, resampler)
    return Detector(model, grid, min_scores, settings.windows.rules())


def _test_schema(card: dict[str, Any]) -> pa.Schema:
    label = pa.list_(pa.string()) if card["task"] == "multi_label" else pa.string()
    columns = {"fname": pa.string(), "true": label, "predicted": label}
    columns |= {"split": pa.string(), "group": pa.string(), "seconds": pa.float32()}
    if card["unfamiliarity"]:
        columns["unfamiliarity"] = pa.float32()
    return _schema(card, columns)


def _schema(card: dict[str, Any], columns: dict[str, pa.DataType]) -> pa.Schema:
    scores = {f"score_{name}": pa.float32() for name in card["classes"]}
    return pa.schema(list((columns | scores).items()))


def _window_bytes(card: dict[str, Any]) -> int:
    """Returns how much a clip example grows with each window."""
    if (size := card["embedding_size"]) is not None:
        return size * np.dtype(np.float32).itemsize
    return round(card["hop_seconds"] * params.SAMPLE_RATE) * np.dtype(np.int16).itemsize


class PredictClips(beam.DoFn):
    """Scores batches of serialized clip examples; the model is loaded once per worker.

    Args:
        model: The SavedModel.
        schema: The table's columns, with the scores in the model's order of classes.
        clips: The number of clips.
    """

    def __init__(self, model: str, schema: pa.Schema, clips: int):
        self._path = model
        self._schema = schema
        self._clips = clips
        self._shared = Shared()

    def setup(self) -> None:
        """Loads the model."""
        self._progress = Progress("clips", self._clips)
        self._model = self._shared.acquire(lambda: tf.saved_model.load(self._path))

    def process(self, batch: list[bytes]) -> list[pa.Table]:
        """Returns the batch's rows."""
        answer = self._model.signatures["examples"](examples=tf.constant(batch))
        answer = {name: output.numpy() for name, output in answer.items()}
        parsed = tf.io.parse_example(
            batch, clip_examples.labelled_clip_spec() | clip_examples.duration_spec()
        )
        seconds = parsed[clip_examples.DURATION].numpy()
        true = _texts(parsed[clip_examples.LABELS])
        decided = [
            [label.decode() for label in labels[chosen]]
            for labels, chosen in zip(answer["labels"], answer["decisions"], strict=True)
        ]
        columns = {
            "fname": [name.decode() for name in parsed[clip_examples.CLIP_ID].numpy()],
            "label": [label.decode() or None for label in answer["label"]],
            "true": true,
            "predicted": decided,
            "split": [_TEST] * len(batch),
            "group": [next(iter(names), None) for names in _texts(parsed[clip_examples.GROUP])],
            "seconds": np.where(seconds < 0, np.nan, seconds),
            "unfamiliarity": answer.get("unfamiliarity"),
        }
        of_classes = (name for name in self._schema.names if name.startswith("score_"))
        columns |= dict(zip(of_classes, answer["scores"].T, strict=True))
        self._progress.advance(len(batch))
        arrays = [_column(columns[field.name], field.type) for field in self._schema]
        return [pa.Table.from_arrays(arrays, schema=self._schema)]


def _texts(column: tf.RaggedTensor) -> list[list[str]]:
    return [[text.decode() for text in row] for row in column.to_list()]


def _column(values: Any, kind: pa.DataType) -> pa.Array:
    """Makes a column; a list of labels becomes its only one if the column has texts."""
    if pa.types.is_string(kind):
        values = [next(iter(value), None) if isinstance(value, list) else value for value in values]
    return pa.array(values, kind)
