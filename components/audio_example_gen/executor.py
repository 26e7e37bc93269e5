"""Turns the files of a source into clip examples, and lists the files that it refuses."""

import collections
import json
import os
from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
import tensorflow as tf
from tfx.components.util import examples_utils
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact
from tfx.utils import io_utils

from components.annotated_test_set import AnnotatedTestSet
from components.audio_example_gen.account import COUNTS, REJECTS, TRACES, reject_line
from components.audio_example_gen.clip_reading import NOISE, DecodeClips, DecodeNoise
from components.audio_example_gen.duplicates import (
    Copy,
    SameSounds,
    content_digest,
    may_be_copies,
    settle,
    settle_same_sounds,
)
from components.audio_example_gen.ingest_summary import (
    check_rejects,
    check_summary,
    summarize,
    without_copies,
)
from components.audio_example_gen.leaks import WriteLeaks, check_groups, read_leaks
from components.audio_example_gen.listed_files import ReadListedFiles
from components.audio_example_gen.released_embeddings import ReadEmbeddings
from components.audio_example_gen.rewriting import rewrite_splits
from components.audio_example_gen.sources.audioset import read_class_names
from components.audio_example_gen.sources.handed_listing import take_or_list
from components.audio_example_gen.sources.listing import Listing, SourceFile
from components.audio_example_gen.table_embeddings import ReadTables, list_tables
from components.counts import WriteCounts, read_counts
from components.file_trees.data_root import open_tree
from components.file_trees.refusals import RefusedError
from components.leftovers import remove_leftovers
from schema.config.annotations.annotation_settings import BACKGROUND
from schema.config.ingest_settings import IngestSettings
from schema.config.source_settings import SourceSettings, read_source_settings
from schema.config.split_settings import SPLITS, UNLABELLED, SplitSettings
from vggish.errors import DataSetError
from vggish.events.detection import Event

REJECTS_FILE = "rejects.jsonl"
SUMMARY_FILE = "summary.json"
_LEAKS_FILE = "leaks.jsonl"


class Executor(BaseBeamExecutor):
    """Reads, checks, resamples and splits the sounds, in one pass over the files."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the `examples`, the `noise` and the `rejects`.

        Of recordings that are annotated completely, `rejects` also has the true events of the test
        split.

        The splits are train, eval and test and, if there are clips without labels, unlabelled.

        Args:
            input_dict: Empty.
            output_dict: `examples`, `noise` and `rejects`.
            exec_properties: `source`, `ingest` and `split`: the sections of the configuration as
                JSON; `data_root`, the source's root.

        Raises:
            DataSetError: The source cannot give a classifier, or too many files were refused.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        source = read_source_settings(exec_properties)
        ingest = IngestSettings.model_validate_json(exec_properties["ingest"])
        split = SplitSettings.model_validate_json(exec_properties["split"])
        examples = artifact_utils.get_single_instance(output_dict["examples"])
        rejects = artifact_utils.get_single_instance(output_dict["rejects"])

        listing = take_or_list("executor", source, split)
        _fail_fast(listing, ingest, rejects.uri)
        unlabelled = any(file.split == UNLABELLED for file in listing.files)
        splits = [*SPLITS, UNLABELLED] if unlabelled else list(SPLITS)
        examples.split_names = artifact_utils.encode_split_names(splits)
        examples_utils.set_payload_format(examples, example_gen_pb2.FORMAT_TF_EXAMPLE)
        noise_uri = artifact_utils.get_single_uri(output_dict["noise"])
        tf.io.gfile.makedirs(noise_uri)
        lists = os.path.join(rejects.uri, "lists")
        tf.io.gfile.makedirs(lists)
        with self._make_beam_pipeline() as pipeline:
            tags = (*splits, REJECTS, COUNTS, TRACES)
            if source.kind == "audioset_embeddings":
                clips = _read_embeddings(pipeline, listing, source, split, tags, lists)
            elif source.kind == "embeddings":
                clips = _read_tables(pipeline, listing, source, tags, lists)
            else:
                clips = _decode_sounds(pipeline, listing, source, ingest, tags, lists)
            noise = _decode_noise(pipeline, listing, ingest, lists)
            _write(clips, splits, examples)
            _write_account([clips, noise], clips[TRACES], rejects.uri)
            if listing.noise:
                noise[NOISE] | "WriteNoise" >> beam.io.WriteToTFRecord(
                    os.path.join(noise_uri, "noise"), file_name_suffix=".tfrecord"
                )

        remove_leftovers(output_dict)
        tf.io.gfile.rmtree(lists)
        leaks = list(read_leaks(os.path.join(rejects.uri, _LEAKS_FILE)))
        same = settle_same_sounds((files for kind, files in leaks if kind == "content"), ingest)
        _list_copies(same, rejects.uri)
        summary = summarize(listing, without_copies(read_counts(rejects.uri), same))
        io_utils.write_string_file(
            os.path.join(rejects.uri, SUMMARY_FILE), json.dumps(summary, indent=2)
        )
        try:
            check_rejects(summary["by_reason"], summary["found"], ingest)
            check_summary(summary, split)
        except DataSetError as error:
            raise _with_list(error, rejects.uri, REJECTS_FILE, "refused files") from error
        try:
            check_groups((files for kind, files in leaks if kind == "group"), same.refused)
        except DataSetError as error:
            raise _with_list(error, rejects.uri, _LEAKS_FILE, "all of them") from error
        rewrite_splits(
            examples,
            self._make_beam_pipeline,
            [file for file, _ in same.refused.values()],
            [files for kind, files in leaks if kind == "id"],
        )
        remove_leftovers(output_dict)
        # Beside incomplete annotations, what is found may be true as well.
        if source.kind == "annotations" and source.annotations.complete:
            _annotated_test_set(listing, rejects.uri).write(rejects.uri)


def _annotated_test_set(listing: Listing, uri: str) -> AnnotatedTestSet:
    """Returns the true events of the test recordings that were accepted."""
    with tf.io.gfile.GFile(os.path.join(uri, REJECTS_FILE)) as lines:
        refused = {json.loads(line)["clip_id"] for line in lines}
    return AnnotatedTestSet(
        listing.root,
        {
            file.clip_id: [
                Event(event.start, event.end, event.label)
                for event in file.events or ()
                if event.known and event.label != BACKGROUND
            ]
            for file in listing.files
            if file.split == "test" and file.clip_id not in refused
        },
    )


def _list_copies(same: SameSounds, uri: str) -> None:
    """Adds the copies to the list of rejects."""
    path = os.path.join(uri, REJECTS_FILE)
    lines = [reject_line(file.key[1], reject) + "\n" for file, reject in same.refused.values()]
    if lines:
        with tf.io.gfile.GFile(path) as file:
            before = file.read()
        io_utils.write_string_file(path, before + "".join(lines))


def _decode_sounds(
    pipeline: beam.Pipeline,
    listing: Listing,
    source: SourceSettings,
    ingest: IngestSettings,
    tags: tuple[str, ...],
    lists: str,
) -> beam.pvalue.DoOutputsTuple:
    """Adds finding the copies and decoding the sounds.

    No step between decoding and writing shuffles, so runners fuse the steps, and no worker holds
    more than a few clips.
    """
    copies = (
        pipeline
        | "SameSizes"
        >> ReadListedFiles(os.path.join(lists, "same_sizes"), may_be_copies(listing.files))
        | "Digest" >> beam.ParDo(DigestFiles(listing.root))
        | "Meet" >> beam.GroupByKey()
        | "Settle" >> beam.FlatMap(_settled, ingest)
    )
    decode = beam.ParDo(
        DecodeClips(listing.root, len(listing.files), ingest, source.annotations),
        copies=beam.pvalue.AsDict(copies),
    )
    return (
        pipeline
        | "Files" >> ReadListedFiles(os.path.join(lists, "files"), listing.files)
        | "Decode" >> decode.with_outputs(*tags)
    )


class DigestFiles(beam.DoFn):
    """Turns a file into `(digest of its bytes, file)`.

    Args:
        root: The data root.
    """

    def __init__(self, root: str):
        self._root = root

    def setup(self) -> None:
        """Opens the data root."""
        self._tree = open_tree(self._root)

    def process(self, file: SourceFile) -> Iterator[tuple[str, SourceFile]]:
        """Yields the pair; nothing if the file is gone, which decoding will refuse."""
        try:
            with self._tree.local(file.clip_id) as path:
                yield content_digest(path), file
        except RefusedError:
            return


def _settled(
    group: tuple[str, Iterable[SourceFile]], ingest: IngestSettings
) -> Iterator[tuple[str, Copy]]:
    files = list(group[1])
    if len(files) > 1:
        for file, copy in settle(files, ingest):
            yield file.clip_id, copy


def _read_embeddings(
    pipeline: beam.Pipeline,
    listing: Listing,
    source: SourceSettings,
    split: SplitSettings,
    tags: tuple[str, ...],
    lists: str,
) -> beam.pvalue.DoOutputsTuple:
    """Adds reading AudioSet's released features."""
    names = read_class_names(source, open_tree(listing.root))
    return (
        pipeline
        | "Files" >> ReadListedFiles(os.path.join(lists, "files"), listing.files)
        | "Read"
        >> beam.ParDo(ReadEmbeddings(listing.root, names, source, split)).with_outputs(*tags)
    )


def _read_tables(
    pipeline: beam.Pipeline,
    listing: Listing,
    source: SourceSettings,
    tags: tuple[str, ...],
    lists: str,
) -> beam.pvalue.DoOutputsTuple:
    """Adds reading tables of embeddings; one worker reads a table."""
    read = beam.ParDo(ReadTables(listing.root, source, len(listing.files)))
    return (
        pipeline
        | "Tables" >> beam.Create(list_tables(listing, lists))
        | "Spread" >> beam.Reshuffle()
        | "Read" >> read.with_outputs(*tags)
    )


def _write(clips: beam.pvalue.DoOutputsTuple, splits: list[str], examples: Artifact) -> None:
    """Adds writing the examples."""
    for name in splits:
        prefix = os.path.join(artifact_utils.get_split_uri([examples], name), "clips")
        clips[name] | f"Write[{name}]" >> beam.io.WriteToTFRecord(
            prefix, file_name_suffix=".tfrecord"
        )


def _write_account(
    decoded: list[beam.pvalue.DoOutputsTuple], traces: beam.PCollection, uri: str
) -> None:
    """Adds writing the rejects, the counts and the leaks."""
    rejects = [outputs[REJECTS] for outputs in decoded] | "AllRejects" >> beam.Flatten()
    counts = [outputs[COUNTS] for outputs in decoded] | "AllCounts" >> beam.Flatten()
    rejects | "WriteRejects" >> beam.io.WriteToText(
        os.path.join(uri, REJECTS_FILE), shard_name_template=""
    )
    counts | "Count" >> WriteCounts(uri)
    traces | "FindLeaks" >> WriteLeaks(os.path.join(uri, _LEAKS_FILE))


def _decode_noise(
    pipeline: beam.Pipeline, listing: Listing, ingest: IngestSettings, lists: str
) -> beam.pvalue.DoOutputsTuple:
    """Adds decoding the noise; long recordings are split into parts."""
    whole = ingest.model_copy(update={"long": "split", "short": "pad", "min_seconds": 0.0})
    decode = beam.ParDo(DecodeNoise(listing.root, whole))
    files = [SourceFile(clip_id) for clip_id in listing.noise]
    return (
        pipeline
        | "Noise" >> ReadListedFiles(os.path.join(lists, "noise"), files)
        | "DecodeNoise" >> decode.with_outputs(NOISE, REJECTS, COUNTS)
    )


def _fail_fast(listing: Listing, ingest: IngestSettings, rejects_uri: str) -> None:
    """Refuses a data set before decoding if the listing alone refuses too many files."""
    refused = [(file.clip_id, file.refused) for file in listing.files if file.refused]
    by_reason = collections.Counter(reject.reason for _, reject in refused)
    try:
        check_rejects(by_reason, len(listing.files), ingest)
    except DataSetError as error:
        lines = [reject_line(clip_id, reject) + "\n" for clip_id, reject in refused]
        io_utils.write_string_file(os.path.join(rejects_uri, REJECTS_FILE), "".join(lines))
        raise _with_list(error, rejects_uri, REJECTS_FILE, "refused files") from error


def _with_list(error: DataSetError, folder: str, name: str, what: str) -> DataSetError:
    """Copies a list to where TFX does not delete it after a failure, and names the copy."""
    node_folder = os.path.dirname(os.path.dirname(folder))
    kept = os.path.join(node_folder, "refused", os.path.basename(folder), name)
    tf.io.gfile.makedirs(os.path.dirname(kept))
    tf.io.gfile.copy(os.path.join(folder, name), kept, overwrite=True)
    return DataSetError(f"{error} The list of {what} is {kept}")
