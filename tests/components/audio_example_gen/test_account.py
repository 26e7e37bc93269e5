"""What a bundle's files add up to."""

import collections
from collections.abc import Iterator

import apache_beam as beam
import pytest

from components.audio_example_gen.account import COUNTS, TRACES, AccountingDoFn
from components.audio_example_gen.leaks import AcceptedFile
from components.file_trees.refusals import Reject


class Accept(AccountingDoFn):
    """Accepts files by their names, refuses those that are `bad`, fails at `fault`."""

    def process(self, name: str) -> Iterator[beam.pvalue.TaggedOutput]:
        if name == "fault":
            raise OSError("The disk is gone.")
        if name == "bad":
            yield self._reject(name, Reject("unreadable", "Not a sound."))
        else:
            yield from self._accept(AcceptedFile(name, "train", (("dog", 1),)), "group", [name])


def run_bundle(step: AccountingDoFn, names: list[str]) -> list[beam.pvalue.TaggedOutput]:
    step.start_bundle()
    outputs = [output for name in names for output in step.process(name)]
    return outputs + list(step.finish_bundle())


def counts_of(outputs: list[beam.pvalue.TaggedOutput]) -> dict[tuple[str, ...], int]:
    total: collections.Counter[tuple[str, ...]] = collections.Counter()
    for output in outputs:
        if output.tag == COUNTS:
            key, number = output.value.value
            total[key] += number
    return dict(total)


def test_a_bundle_sends_one_number_per_count() -> None:
    outputs = run_bundle(Accept(), ["a", "bad", "b", "bad", "c"])
    counts = counts_of(outputs)
    assert counts[("rejected", "unreadable")] == 2
    assert len(counts) == sum(output.tag == COUNTS for output in outputs)
    traced = [output.value.value for output in outputs if output.tag == TRACES]
    assert traced


def test_a_bundle_that_failed_leaves_nothing_to_its_next_attempt() -> None:
    step = Accept()
    with pytest.raises(OSError, match="disk"):
        run_bundle(step, ["a", "bad", "fault"])
    assert counts_of(run_bundle(step, ["b"])) == counts_of(run_bundle(Accept(), ["b"]))
