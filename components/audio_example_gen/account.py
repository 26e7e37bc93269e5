"""The account of a Beam bundle: what its files add up to, sent on once instead of once per clip."""

import collections
import json
from collections.abc import Iterable, Iterator

import apache_beam as beam
from apache_beam.transforms.window import GlobalWindows

from components.audio_example_gen.ingest_summary import counts_of
from components.audio_example_gen.leaks import AcceptedFile, TraceBatches, traces_of
from components.file_trees.refusals import Reject
from schema.config.split_settings import UNLABELLED

REJECTS = "rejects"
COUNTS = "counts"
TRACES = "traces"
_METRICS_NAMESPACE = "AudioExampleGen"


def reject_line(clip_id: str, reject: Reject) -> str:
    """Writes a refusal as JSON."""
    line = {"clip_id": clip_id, "reason": reject.reason, "detail": reject.detail}
    return json.dumps(line, ensure_ascii=False)


class AccountingDoFn(beam.DoFn):
    """A step that keeps an account of each bundle.

    Tagged outputs: `rejects`, of JSON lines; `counts`, of `(key, number)` pairs for the summary;
    `traces`, of batches for `WriteLeaks`. A bundle that fails leaves no counts.
    """

    def start_bundle(self) -> None:
        """Opens an account."""
        self._counts: collections.Counter[tuple[str, ...]] = collections.Counter()
        self._traces = TraceBatches()

    def _count(self, *key: str) -> None:
        """Adds 1 to a count; see `ingest_summary.summarize`."""
        self._counts[key] += 1

    def _reject(self, clip_id: str, reject: Reject) -> beam.pvalue.TaggedOutput:
        """Counts a refusal, and returns its line."""
        self._count("rejected", reject.reason)
        return beam.pvalue.TaggedOutput(REJECTS, reject_line(clip_id, reject))

    def _accept(
        self, file: AcceptedFile, group: str | None, digests: Iterable[str]
    ) -> Iterator[beam.pvalue.TaggedOutput]:
        """Counts a file whose clips were written; yields batches of traces that are full."""
        self._counts.update(counts_of(file))
        if file.split != UNLABELLED:
            for trace in traces_of(file, group, digests):
                for batch in self._traces.add(trace):
                    yield beam.pvalue.TaggedOutput(TRACES, batch)

    def finish_bundle(self) -> Iterator[beam.pvalue.TaggedOutput]:
        """Yields the account."""
        for key, number in self._counts.items():
            if key[0] in ("accepted", "rejected"):
                beam.metrics.Metrics.counter(_METRICS_NAMESPACE, "_".join(key)).inc(number)
            yield at_end(COUNTS, (key, number))
        for batch in self._traces.rest():
            yield at_end(TRACES, batch)


def at_end(tag: str, value: object) -> beam.pvalue.TaggedOutput:
    """Returns an output of `finish_bundle`, where no element gives it a window."""
    return beam.pvalue.TaggedOutput(tag, GlobalWindows.windowed_value(value))
