"""Runs the network once over every clip, and writes its embeddings."""

import collections
import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import tensorflow as tf
import tensorflow_transform as tft
from apache_beam.io.parquetio import WriteToParquetBatched
from apache_beam.transforms.window import GlobalWindows
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
from schema.embedded_clips import FNAME, LABELS, embedded_clips_schema, to_table, windows_of
from schema.imported_weights import read_imported_weights, read_weights_origin
from vggish import params
from vggish.networks.layer_taps import feature_size
from vggish.networks.window_batches import map_batches
from vggish.progress import Progress

_WINDOW_BYTES = params.NUM_FRAMES * params.NUM_BANDS * np.dtype(np.float32).itemsize
_BATCHES_AHEAD = 2
"""Batches that wait for the network, so that reading and writing never keep it waiting."""

_ROWS_A_TABLE_BATCH = 1024
_TABLE = "table"
_COUNTS = "counts"

_Embedded = tuple[np.ndarray, np.ndarray]
"""The windows of each clip, int64 [clips], and the embeddings of all, float32 [w, D]."""


class Executor(BaseBeamExecutor):
    """Embeds the transformed examples."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the embedded clips, and the table of time-averaged embeddings if it is wanted.

        Args:
            input_dict: `examples` with log-mel windows, `transform_graph`, `weights`, `rejects`.
            output_dict: `embeddings` and `table`.
            exec_properties: `features`, the layer tap; `compute`, the network's precision;
                `with_table`, whether to write the table (1) or leave it empty (0).
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
        examples_utils.set_payload_format(embeddings, example_gen_pb2.FORMAT_PARQUET)

        transform_uri = artifact_utils.get_single_uri(input_dict["transform_graph"])
        size = _size_without_sound(transform_uri) or feature_size(
            exec_properties["features"], read_weights_origin(weights_folder).network or ""
        )
        embed = EmbedClips(
            transform_uri,
            weights_folder,
            exec_properties["features"],
            exec_properties["compute"],
            size,
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
                # Examples without sound are smaller than those of log-mel windows.
                | "Batch" >> BatchByWindows(_WINDOW_BYTES, lambda named: len(named[1]))
                | "Embed" >> beam.ParDo(embed).with_outputs(*splits, _COUNTS)
            )
            for split in splits:
                prefix = os.path.join(artifact_utils.get_split_uri([embeddings], split), "clips")
                embedded[split] | f"Write[{split}]" >> WriteToParquetBatched(
                    prefix,
                    embedded_clips_schema(size),
                    codec="snappy",
                    file_name_suffix=".parquet",
                )
            embedded[_COUNTS] | "Count" >> WriteCounts(embeddings.uri)
            if exec_properties["with_table"]:
                clips = [
                    embedded[split] | f"Name[{split}]" >> beam.Map(_named, split)
                    for split in splits
                ]
                (
                    clips
                    | "AllClips" >> beam.Flatten()
                    | "WriteTable" >> _WriteTable(os.path.join(table_uri, "embeddings"), size)
                )
        tf.io.gfile.makedirs(table_uri)
        remove_leftovers(output_dict)


class EmbedClips(beam.DoFn):
    """Embeds batches of transformed clips; the network is loaded once per worker.

    The network has a thread of its own. While it computes, batches are read and written.

    Tagged outputs: one per split, of tables of `embedded_clips_schema`; `counts`,
    of windows by split.

    Args:
        transform_uri: The transform graph, for the examples' specification and the class names.
        weights_folder: Folder of the imported weights.
        features: The layer tap.
        compute: The precision of the network.
        size: The size of a window's features.
        clips: The number of clips.
    """

    def __init__(
        self,
        transform_uri: str,
        weights_folder: str,
        features: str,
        compute: str,
        size: int,
        clips: int,
    ):
        self._transform_uri = transform_uri
        self._weights_folder = weights_folder
        self._features = features
        self._compute = compute
        self._size = size
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
        self._thread = ThreadPoolExecutor(max_workers=1)

    def teardown(self) -> None:
        """Ends the network's thread."""
        self._thread.shutdown(cancel_futures=True)

    def _load(self) -> tf.types.experimental.PolymorphicFunction:
        weights = read_imported_weights(self._weights_folder)
        # Log-mel is there, so the network is known.
        model: Any = weights.build_features(self._features, self._compute)
        shape = [None, params.NUM_FRAMES, params.NUM_BANDS]
        return tf.function(
            lambda windows: model(windows, training=False),
            input_signature=[tf.TensorSpec(shape, tf.float32)],
        )

    def start_bundle(self) -> None:
        """Forgets the batches of a bundle that failed."""
        self._waiting: collections.deque[
            tuple[list[str], dict[str, tf.Tensor], Future[_Embedded]]
        ] = collections.deque()

    def process(self, batch: list[tuple[str, bytes]]) -> Iterator[beam.pvalue.TaggedOutput]:
        """Yields the clips of an earlier batch, and has this batch computed.

        Args:
            batch: File names and serialized examples.
        """
        parsed = tf.io.parse_example([record for _, record in batch], self._spec)
        splits = [
            os.path.basename(os.path.dirname(file)).removeprefix("Split-") for file, _ in batch
        ]
        self._waiting.append((splits, parsed, self._thread.submit(self._embed, parsed)))
        if len(self._waiting) > _BATCHES_AHEAD:
            yield from self._oldest()

    def finish_bundle(self) -> Iterator[beam.pvalue.TaggedOutput]:
        """Yields the clips of the last batches."""
        while self._waiting:
            for output in self._oldest():
                value = GlobalWindows.windowed_value(output.value)
                yield beam.pvalue.TaggedOutput(output.tag, value)

    def _embed(self, parsed: dict[str, Any]) -> _Embedded:
        if clip_examples.LOG_MEL not in parsed:  # The source has embeddings instead of sound.
            embedding = parsed[clip_examples.EMBEDDING]
            windows = tf.reshape(embedding.flat_values, [-1, self._size])
            return embedding.row_lengths().numpy(), windows.numpy()
        log_mel = parsed[clip_examples.LOG_MEL]
        windows = tf.reshape(log_mel.flat_values, [-1, params.NUM_FRAMES, params.NUM_BANDS])
        embedded = map_batches(self._network, windows, [self._size])
        return log_mel.row_lengths().numpy(), embedded.numpy()

    def _oldest(self) -> Iterator[beam.pvalue.TaggedOutput]:
        """Waits for the batch that was read first, and yields its clips by split."""
        splits, parsed, future = self._waiting.popleft()
        lengths, embedded = future.result()
        label_ids = tf.RaggedTensor.from_sparse(parsed[clip_examples.LABEL_IDS]).to_list()
        clips = to_table(
            [clip_id.decode() for clip_id in parsed[clip_examples.CLIP_ID].numpy()],
            # A label that no training clip has is not a class; its id is -1.
            [[self._classes[i] for i in ids if i >= 0] for ids in label_ids],
            label_ids,
            lengths,
            embedded,
        )
        for split in dict.fromkeys(splits):
            rows = [i for i, name in enumerate(splits) if name == split]
            of_split = clips if len(rows) == len(splits) else clips.take(rows)
            yield beam.pvalue.TaggedOutput(split, of_split)
            windows = int(lengths[rows].sum())
            yield beam.pvalue.TaggedOutput(_COUNTS, (("windows", split), windows))
        self._progress.advance(len(splits))


def _size_without_sound(transform_uri: str) -> int | None:
    """Returns the size of the embeddings that clips have instead of sound; None of sound."""
    spec = tft.TFTransformOutput(transform_uri).transformed_feature_spec()
    embedding = spec.get(clip_examples.EMBEDDING)
    return None if embedding is None else embedding.partitions[-1].length


class _WriteTable(beam.PTransform):
    """Writes tables of clips, with their splits, as one row of mean embeddings per clip."""

    def __init__(self, prefix: str, size: int):
        super().__init__()
        self._prefix = prefix
        self._schema = pa.schema(
            [("fname", pa.string()), ("labels", pa.list_(pa.string())), ("split", pa.string())]
            + [(f"emb_{i}", pa.float32()) for i in range(size)]
        )

    def expand(self, clips: beam.PCollection) -> beam.PCollection:
        """Adds the steps to the pipeline."""
        return (
            clips
            | "Average" >> beam.Map(_averaged, self._schema)
            # Each Parquet row group has a header per column.
            | "Batch"
            >> beam.BatchElements(_ROWS_A_TABLE_BATCH, _ROWS_A_TABLE_BATCH, element_size_fn=len)
            | "Concatenate" >> beam.Map(pa.concat_tables)
            | "Write"
            >> WriteToParquetBatched(self._prefix, self._schema, file_name_suffix=".parquet")
        )


def _named(clips: pa.Table, split: str) -> tuple[str, pa.Table]:
    return split, clips


def _averaged(named: tuple[str, pa.Table], schema: pa.Schema) -> pa.Table:
    split, clips = named
    lengths, windows = windows_of(clips)
    starts = np.cumsum(lengths) - lengths
    means = np.add.reduceat(windows, starts) / lengths[:, np.newaxis].astype(np.float32)
    columns = [pa.array(column) for column in np.ascontiguousarray(means.T)]
    return pa.Table.from_arrays(
        [clips[FNAME], clips[LABELS], [split] * len(clips), *columns], schema=schema
    )
