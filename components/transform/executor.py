"""TFX's executor of Transform, with files that take less time to write than to compute.

TFX writes transformed examples into gzip files, and readers expect them. zlib takes 0.8 ms to make
a window of log-mel 9% smaller, twice what computing it takes. So the files are gzip files still,
but their content is stored as it is.
"""

import gzip
from typing import IO, Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.coders import BytesCoder
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.tfrecordio import _TFRecordSink
from tensorflow_metadata.proto.v0.schema_pb2 import Schema
from tfx.components.transform import executor, labels
from tfx.types.artifact import Artifact


class Executor(executor.Executor):
    """Transforms clips as TFX's executor does."""

    def Do(
        self,
        input_dict: dict[str, list[Artifact]],
        output_dict: dict[str, list[Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """See TFX's executor."""
        # TFX's executor makes its processor by this name, and has no parameter for another one.
        executor.TransformProcessor = _StoringProcessor
        super().Do(input_dict, output_dict, exec_properties)


class _StoringProcessor(executor.TransformProcessor):
    @staticmethod
    @beam.ptransform_fn
    @beam.typehints.with_input_types(tuple[pa.RecordBatch, dict[str, pa.Array]])
    def _EncodeAndWrite(
        transformed: beam.PCollection, schema: Schema, file_format: str, output_path: str
    ) -> beam.pvalue.PDone:
        """Replaces the step that writes."""
        if file_format != labels.FORMAT_TFRECORD:
            raise ValueError(
                f"Transform writes clips as TFRecords, and was asked for {file_format}."
            )
        encode = executor.TransformProcessor._RecordBatchToExamplesFn(schema)
        return (
            transformed
            | "EncodeAndSerialize" >> beam.ParDo(encode)
            | "ExtractExamples" >> beam.Values()
            | "WriteToTFRecord" >> beam.io.Write(_StoredGzipSink(output_path))
        )


class _StoredGzipSink(_TFRecordSink):
    """Beam's sink of TFRecords, in gzip files whose content is stored as it is."""

    def __init__(self, prefix: str):
        super().__init__(prefix, BytesCoder(), ".gz", 0, None, CompressionTypes.UNCOMPRESSED)

    def open(self, temp_path: str) -> "_StoredGzipFile":
        """Called by Beam."""
        return _StoredGzipFile(super().open(temp_path))


class _StoredGzipFile(gzip.GzipFile):
    """A gzip file without compression, which closes the file that it writes to."""

    def __init__(self, file: IO[bytes]):
        super().__init__("", "wb", compresslevel=0, fileobj=file, mtime=0)
        self._file = file

    def close(self) -> None:
        """Writes the end, and closes both files."""
        super().close()
        self._file.close()
