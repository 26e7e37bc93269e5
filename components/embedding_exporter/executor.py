"""Runs the network once over every clip, and writes its embeddings."""

import logging
import os
import posixpath
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import tensorflow as tf
import tensorflow_transform as tft
from apache_beam.io.parquetio import WriteToParquetBatched
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from tfx.components.util import examples_utils
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import path_utils

from components.batches_by_windows import BatchByWindows
from components.counts import WriteCounts, read_clips_by_split, read_counts
from components.embedding_exporter.clip_batches import COUNTS
from components.embedding_exporter.embed_clips import EmbedClips
from components.embedding_exporter.embedding_cache import computation_of
from components.embedding_exporter.mean_table import WriteMeanTable
from components.embedding_exporter.reuse_embeddings import MISSING, ReuseEmbeddings
from components.embedding_exporter.spread_records import SpreadRecords
from components.leftovers import remove_leftovers
from schema import clip_examples
from schema.embedded_clips import embedded_clips_schema
from schema.imported_weights import read_weights_origin
from vggish import params
from vggish.networks.layer_taps import feature_size
from vggish.progress import LOGGER_NAME

EMBEDDED = "embedded"
REUSED = "reused"
"""Custom properties of the output `embeddings`: numbers of clips."""

_WINDOW_BYTES = params.NUM_FRAMES * params.NUM_BANDS * np.dtype(np.float32).itemsize


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
            output_dict: `embeddings`, with the number of clips that were `embedded` and `reused`
                as custom properties, and `table`.
            exec_properties: `features`, the layer tap; `with_table`, whether to write the table (1)
                or leave it empty (0); `cache`, the folder of embeddings of other runs, if there is
                one.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        examples = artifact_utils.get_single_instance(input_dict["examples"])
        embeddings = artifact_utils.get_single_instance(output_dict["embeddings"])
        table_uri = artifact_utils.get_single_uri(output_dict["table"])
        splits = artifact_utils.decode_split_names(examples.split_names)
        embeddings.split_names = examples.split_names
        examples_utils.set_payload_format(embeddings, example_gen_pb2.FORMAT_PARQUET)

        embed = _Embedding(input_dict, exec_properties, splits)
        with self._make_beam_pipeline() as pipeline:
            records = (
                pipeline
                | "Splits"
                >> beam.Create(
                    [os.path.join(artifact_utils.get_split_uri([examples], s), "*") for s in splits]
                )
                | "Read" >> beam.io.ReadAllFromTFRecord(with_filename=True)
            )
            # In this process there is one task, and all clips would be held in memory.
            if not isinstance(pipeline.runner, FnApiRunner):
                records |= "Spread" >> SpreadRecords(embed.clips)
            embedded = embed.add_to(records)
            for split in splits:
                prefix = os.path.join(artifact_utils.get_split_uri([embeddings], split), "clips")
                embedded[split] | f"Write[{split}]" >> WriteToParquetBatched(
                    prefix,
                    embedded_clips_schema(embed.size),
                    codec="snappy",
                    file_name_suffix=".parquet",
                )
            embedded[COUNTS] | "Count" >> WriteCounts(embeddings.uri)
            if exec_properties["with_table"]:
                clips = [
                    embedded[split] | f"Name[{split}]" >> beam.Map(_named, split)
                    for split in splits
                ]
                (
                    clips
                    | "AllClips" >> beam.Flatten()
                    | "WriteTable"
                    >> WriteMeanTable(os.path.join(table_uri, "embeddings"), embed.size)
                )
        tf.io.gfile.makedirs(table_uri)
        remove_leftovers(output_dict)
        _tell(embeddings)


class _Embedding:
    """The steps from named records to tables of embedded clips by split, and their counts.

    Args:
        input_dict: The inputs of the node.
        exec_properties: Its parameters.
        splits: The names of the splits.
    """

    def __init__(
        self,
        input_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
        splits: list[str],
    ):
        self._transform_uri = artifact_utils.get_single_uri(input_dict["transform_graph"])
        self._weights = path_utils.serving_model_path(
            artifact_utils.get_single_uri(input_dict["weights"])
        )
        rejects = artifact_utils.get_single_uri(input_dict["rejects"])
        self.clips = sum(read_clips_by_split(rejects).values())
        """The number of clips."""
        self._properties = exec_properties
        self._tags = (*splits, COUNTS)
        without_sound = _size_without_sound(self._transform_uri)
        self.size = without_sound or feature_size(
            exec_properties["features"], read_weights_origin(self._weights).network or ""
        )
        """The size of a window's features."""
        # Embeddings instead of sound need no network, so there is nothing to keep.
        self._cache = None if without_sound else self._cache_folder()

    def _cache_folder(self) -> str | None:
        if not (root := self._properties.get("cache")):
            return None
        computation = computation_of(
            self._weights,
            self._properties["features"],
            self._properties.get("code_version", ""),
        )
        return posixpath.join(root, computation.name)

    def add_to(self, records: beam.PCollection) -> dict[str, beam.PCollection]:
        """Adds the steps to the pipeline; returns what they yield by tag."""
        if self._cache is None:
            return self._embed(records, self.clips)
        reuse = ReuseEmbeddings(self._transform_uri, self._cache, self.clips)
        reused = (
            records
            | "BatchAll" >> _batch()
            | "Reuse" >> beam.ParDo(reuse).with_outputs(*self._tags, MISSING)
        )
        embedded = self._embed(reused[MISSING], None)
        return {
            tag: (reused[tag], embedded[tag]) | f"Both[{tag}]" >> beam.Flatten()
            for tag in self._tags
        }

    def _embed(self, records: beam.PCollection, clips: int | None) -> dict[str, beam.PCollection]:
        embed = EmbedClips(
            self._transform_uri,
            self._weights,
            self._properties["features"],
            self.size,
            clips=clips,
            cache=self._cache,
        )
        outputs = (
            records | "Batch" >> _batch() | "Embed" >> beam.ParDo(embed).with_outputs(*self._tags)
        )
        return {tag: outputs[tag] for tag in self._tags}


def _batch() -> BatchByWindows:
    # Examples without sound are smaller than those of log-mel windows.
    return BatchByWindows(_WINDOW_BYTES, lambda named: len(named[1]))


def _size_without_sound(transform_uri: str) -> int | None:
    """Returns the size of the embeddings that clips have instead of sound; None of sound."""
    spec = tft.TFTransformOutput(transform_uri).transformed_feature_spec()
    embedding = spec.get(clip_examples.EMBEDDING)
    return None if embedding is None else embedding.partitions[-1].length


def _named(clips: pa.Table, split: str) -> tuple[str, pa.Table]:
    return split, clips


def _tell(embeddings: Artifact) -> None:
    """Says how many clips the network embedded, and how many the cache had."""
    counts = dict(read_counts(embeddings.uri))
    numbers = {what: counts.get((what,), 0) for what in (EMBEDDED, REUSED)}
    for what, number in numbers.items():
        embeddings.set_int_custom_property(what, number)
    logging.getLogger(LOGGER_NAME).info(
        "%d clips embedded, the embeddings of %d clips reused", *numbers.values()
    )
