"""A listing goes from step to step of one run, and never into another run."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from trees import write_sounds

from components.audio_example_gen.component import AudioExampleGen
from components.audio_example_gen.sources import handed_listing
from components.audio_example_gen.sources.handed_listing import hand_on, take_or_list
from components.audio_example_gen.sources.listing import Listing
from pipeline.config_checks import check_config
from pipeline.jobs import open_job
from schema.config.source_settings import SourceSettings
from schema.config.split_settings import SplitSettings

SPLIT = SplitSettings(allow_missing=True)


@pytest.fixture
def sounds(tmp_path: Path) -> Path:
    write_sounds(tmp_path, *(f"{label}/{n}.wav" for label in ("cat", "dog") for n in range(9)))
    return tmp_path


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The roots that were listed because nobody handed a listing on."""
    roots: list[str] = []
    list_source = handed_listing.list_source

    def counted(source: SourceSettings, split: SplitSettings) -> Listing:
        roots.append(source.root)
        return list_source(source, split)

    monkeypatch.setattr(handed_listing, "list_source", counted)
    yield roots
    handed_listing._handed.clear()


def test_a_run_lists_its_files_once(sounds: Path, listed: list[str]) -> None:
    settings = {"source.root": str(sounds), "split.allow_missing": True}
    config = check_config(open_job("configs/demo.yaml", settings).config)
    node = AudioExampleGen(
        config.source, config.source.root, ingest=config.ingest, split=config.split
    )
    fingerprint = AudioExampleGen.fingerprint({}, node.spec.exec_properties)
    assert take_or_list("executor", config.source, config.split).fingerprint == fingerprint
    assert listed == []


def test_a_second_run_looks_at_the_files_again(sounds: Path, listed: list[str]) -> None:
    source = SourceSettings(root=str(sounds))
    node = AudioExampleGen(
        source, source.root, ingest=open_job("configs/demo.yaml", {}).config.ingest, split=SPLIT
    )
    # The first run finds its clips in the cache, so no executor takes the listing.
    first = AudioExampleGen.fingerprint({}, node.spec.exec_properties)
    (sounds / "dog/0.wav").unlink()
    assert AudioExampleGen.fingerprint({}, node.spec.exec_properties) != first
    assert len(listed) == 2


def test_a_listing_is_taken_once_and_for_what_was_listed(sounds: Path, listed: list[str]) -> None:
    source = SourceSettings(root=str(sounds))
    listing = handed_listing.list_source(source, SPLIT)
    hand_on("executor", source, SPLIT, listing)
    assert take_or_list("executor", source, SPLIT) is listing
    assert take_or_list("executor", source, SPLIT) is not listing
    hand_on("executor", source, SPLIT, listing)
    assert take_or_list("executor", source, SplitSettings(seed=1)) is not listing
    hand_on("driver", source, SPLIT, listing)
    assert take_or_list("executor", source, SPLIT) is not listing
