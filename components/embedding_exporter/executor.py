"""Runs VGGish once over every clip, and writes its embeddings."""

import os
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import tensorflow as tf
import tensorflow_transform as tft
from apache_beam.io.parquetio import WriteToParquetBatched
from apache_beam.utils.shared import Shared
from tfx.components.util import examples_utils
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import path_utils

from components.batches_by_windows import BatchByWindows
from components.counts import WriteCounts, read_clips_by_split
from components.leftovers import remove_leftovers
from schema import clip_examples
from schema.imported_weights import read_imported_weights
from vggish import params
from vggish.example_features import (
    bytes_feature,
    float_feature,
    int64_feature,
    serialized_example,
)
from vggish.networks.layer_taps import feature_size
from vggish.networks.window_batches import map_batches
from vggish.progress import Progress

_WINDOW_BYTES = params.NUM_FRAMES * params.NUM_BANDS * np.dtype(np.float32).itemsize
_ROWS_A_TABLE_BATCH = 1024
_TABLE = "table"
_COUNTS = "counts"


class Executor(BaseBeamExecutor):
    """Embeds the transformed examples."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the embedded examples and the table of time-averaged embeddings.

        Args:
            input_dict: `examples` with log-mel windows, `transform_graph`, `weights`, `rejects`.
            output_dict: `embeddings` and `table`.
            exec_properties: `features`, the layer tap; `compute`, the network's precision.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        examples = artifact_utils.get_single_instance(input_dict["examples"])
        embeddings = artifact_utils.get_single_instance(output_dict["embeddings"])
        table_uri = artifact_utils.get_single_uri(output_dict["table"])
        weights_folder = path_utils.serving_model_path(
            artifact_utils.get_single_uri(input_dict["weights"])
        )
        splits = artifact_utils.decode_split_names(examples.split_names)
        embeddings.split_names = examples.split_names
        examples_utils.set_payload_format(embeddings, example_gen_pb2.FORMAT_TF_EXAMPLE)

        embed = EmbedClips(
            artifact_utils.get_single_uri(input_dict["transform_graph"]),
            weights_folder,
            exec_properties["features"],
            exec_properties["compute"],
            sum(read_clips_by_split(artifact_utils.get_single_uri(input_dict["rejects"])).values()),
        )
        with self._make_beam_pipeline() as pipeline:
            embedded = (
                pipeline
                | "Splits"
                >> beam.Create(
                    [os.path.join(artifact_utils.get_split_uri([examples], s), "*") for s in splits]
                )
                | "Read" >> beam.io.ReadAllFromTFRecord(with_filename=True)
                # Examples of released embeddings are smaller than those of log-mel windows.
                | "Batch" >> BatchByWindows(_WINDOW_BYTES, lambda named: len(named[1]))
                | "Embed" >> beam.ParDo(embed).with_outputs(*splits, _TABLE, _COUNTS)
            )
            for split in splits:
                prefix = os.path.join(artifact_utils.get_split_uri([embeddings], split), "clips")
                embedded[split] | f"Write[{split}]" >> beam.io.WriteToTFRecord(
                    prefix, file_name_suffix=".gz"
                )
            embedded[_COUNTS] | "Count" >> WriteCounts(embeddings.uri)
            embedded[_TABLE] | "WriteTable" >> _WriteTable(
                os.path.join(table_uri, "embeddings"), feature_size(exec_properties["features"])
            )
        remove_leftovers(output_dict)


class EmbedClips(beam.DoFn):
    """Embeds batches of transformed clips; the network is loaded once per worker.

    Tagged outputs: one per split, of serialized examples with `embedding`; `table`, of
    `(clip_id, labels, split, mean embedding)`; `counts`, of windows by split.

    Args:
        transform_uri: The transform graph, for the examples' specification and the class names.
        weights_folder: Folder of the imported weights.
        features: The layer tap.
        compute: The precision of the network.
        clips: The number of clips.
    """

    def __init__(
        self, transform_uri: str, weights_folder: str, features: str, compute: str, clips: int
    ):
        self._transform_uri = transform_uri
        self._weights_folder = weights_folder
        self._features = features
        self._compute = compute
        self._clips = clips
        self._shared = Shared()

    def setup(self) -> None:
        """Loads the network and the examples' specification."""
        self._progress = Progress("clips", self._clips)
        transform = tft.TFTransformOutput(self._transform_uri)
        self._spec = transform.transformed_feature_spec()
        self._classes = [
            name.decode() for name in transform.vocabulary_by_name(clip_examples.LABEL_VOCABULARY)
        ]
        if clip_examples.LOG_MEL in self._spec:
            self._network = self._shared.acquire(self._load)

    def _load(self) -> tf.types.experimental.PolymorphicFunction:
        weights = read_imported_weights(self._weights_folder)
        model = weights.build_features(self._features, self._compute)
        shape = [None, params.NUM_FRAMES, params.NUM_BANDS]
        return tf.function(
            lambda windows: model(windows, training=False),
            input_signature=[tf.TensorSpec(shape, tf.float32)],
        )

    def process(self, batch: list[tuple[str, bytes]]) -> Iterator[beam.pvalue.TaggedOutput]:
        """Yields each clip of a batch of `(file name, serialized example)`."""
        parsed = tf.io.parse_example([record for _, record in batch], self._spec)
        lengths, embedded = (
            self._embed(parsed[clip_examples.LOG_MEL])
            if clip_examples.LOG_MEL in parsed
            else _released(parsed[clip_examples.EMBEDDING])
        )
        ends = np.cumsum(lengths)
        clip_ids = parsed[clip_examples.CLIP_ID].numpy()
        label_ids = tf.RaggedTensor.from_sparse(parsed[clip_examples.LABEL_IDS]).to_list()
        rows = zip(batch, clip_ids, label_ids, np.split(embedded, ends[:-1]), strict=True)
        for (file, _), clip_id, ids, embedding in rows:
            split = os.path.basename(os.path.dirname(file)).removeprefix("Split-")
            yield beam.pvalue.TaggedOutput(split, _to_example(clip_id, ids, embedding))
            labels = [self._classes[i] for i in ids]
            row = (clip_id.decode(), labels, split, embedding.mean(axis=0))
            yield beam.pvalue.TaggedOutput(_TABLE, row)
            yield beam.pvalue.TaggedOutput(_COUNTS, (("windows", split), len(embedding)))
        self._progress.advance(len(batch))

    def _embed(self, log_mel: tf.RaggedTensor) -> tuple[np.ndarray, np.ndarray]:
        """Returns the windows of each clip, and the embeddings of all [w, D]."""
        windows = tf.reshape(log_mel.flat_values, [-1, params.NUM_FRAMES, params.NUM_BANDS])
        embedded = map_batches(self._network, windows, [feature_size(self._features)])
        return log_mel.row_lengths().numpy(), embedded.numpy()


def _released(embedding: tf.RaggedTensor) -> tuple[np.ndarray, np.ndarray]:
    """Returns embeddings that the source released instead of sound, unchanged."""
    embedded = tf.reshape(embedding.flat_values, [-1, params.EMBEDDING_SIZE])
    return embedding.row_lengths().numpy(), embedded.numpy()


def _to_example(clip_id: bytes, label_ids: list[int], embedding: np.ndarray) -> bytes:
    """Builds the serialized example that `clip_examples.embedding_spec` parses."""
    return serialized_example(
        {
            clip_examples.CLIP_ID: bytes_feature([clip_id]),
            clip_examples.LABEL_IDS: int64_feature(label_ids),
            clip_examples.EMBEDDING: float_feature(embedding.ravel()),
        }
    )


class _WriteTable(beam.PTransform):
    """Writes `(clip_id, labels, split, mean embedding)` rows as Parquet."""

    def __init__(self, prefix: str, size: int):
        super().__init__()
        self._prefix = prefix
        self._schema = pa.schema(
            [("fname", pa.string()), ("labels", pa.list_(pa.string())), ("split", pa.string())]
            + [(f"emb_{i}", pa.float32()) for i in range(size)]
        )

    def expand(self, rows: beam.PCollection) -> beam.PCollection:
        """Adds the steps to the pipeline."""
        return (
            rows
            # Each Parquet row group has a header per column.
            | "Batch" >> beam.BatchElements(_ROWS_A_TABLE_BATCH, _ROWS_A_TABLE_BATCH)
            | "ToArrow" >> beam.Map(_to_arrow, self._schema)
            | "Write"
            >> WriteToParquetBatched(self._prefix, self._schema, file_name_suffix=".parquet")
        )


def _to_arrow(rows: list[tuple[str, list[str], str, np.ndarray]], schema: pa.Schema) -> pa.Table:
    clip_ids, labels, splits, vectors = zip(*rows, strict=True)
    columns = [pa.array(column, pa.float32()) for column in np.stack(vectors, axis=1)]
    return pa.Table.from_arrays(
        [list(clip_ids), list(labels), list(splits), *columns], schema=schema
    )
