"""Every configuration of a well-known data set, on a tiny tree of the data set's exact layout."""

from collections import Counter
from pathlib import Path

import pytest
from preset_trees import BUILDERS, EVAL_SPEAKERS, TEST_SPEAKERS, TRAIN_SPEAKERS

from components.audio_example_gen.sources import list_source
from components.audio_example_gen.sources.listing import Listing
from schema.config.config_file import load_config

CONFIGS = Path(__file__).resolve().parents[4] / "configs"


@pytest.fixture
def listing(request: pytest.FixtureRequest, tmp_path: Path) -> Listing:
    """The listing of the configuration that a test names."""
    BUILDERS[request.param](tmp_path / "data")
    path = CONFIGS / f"{request.param}.yaml"
    config = load_config(path, {"source.root": str(tmp_path / "data")})
    return list_source(config.source, config.split)


def of(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("listing", [name], indirect=True, ids=[name])


def described(listing: Listing) -> dict[str, tuple]:
    assert not any(file.refused for file in listing.files)
    return {f.clip_id: (",".join(f.labels), f.group, f.split) for f in listing.files}


def splits(listing: Listing) -> Counter:
    return Counter(file.split for file in listing.files)


def splits_by_group(listing: Listing) -> dict:
    found: dict = {}
    for file in listing.files:
        found.setdefault(file.group, set()).add(file.split)
    return found


def test_every_configuration_is_tried_here() -> None:
    names = {path.stem for path in CONFIGS.glob("*.yaml")} - {"demo"}
    assert names >= set(BUILDERS)


@of("urban_sed")
def test_urban_sed_by_its_folders(listing: Listing) -> None:
    found = described(listing)
    name = "audio/test/soundscape_test_uniform0.wav"
    assert found[name] == ("dog_bark,siren", name, "test")
    assert splits(listing) == {"train": 6, "eval": 3, "test": 3}
    assert listing.files[0].events is not None
    assert [(e.start, e.end, e.label) for e in listing.files[0].events] == [
        (0.2, 1.9, "siren"), (1.5, 2.8, "dog_bark"),
    ]  # fmt: skip


@of("speech_commands")
def test_speech_commands_by_speaker(listing: Listing) -> None:
    found = described(listing)
    assert len(found) == 2 * 8 * 2
    assert found["yes/0c40e715_nohash_1.wav"][:2] == ("yes", "0c40e715")
    assert all(len(splits) == 1 for splits in splits_by_group(listing).values())
    assert listing.noise == ("_background_noise_/white_noise.wav",)
    assert listing.other_files == 4  # A README, a licence and two lists.


@pytest.mark.parametrize(
    "listing", ["speech_commands_lists", "speech_commands_hash"], indirect=True
)
def test_speech_commands_lists_and_rule_agree(listing: Listing) -> None:
    speakers = {"train": TRAIN_SPEAKERS, "eval": EVAL_SPEAKERS, "test": TEST_SPEAKERS}
    assert described(listing) == {
        f"{word}/{speaker}_nohash_{i}.wav": (word, speaker, split)
        for split, names in speakers.items()
        for speaker in names
        for word in ("yes", "no")
        for i in (0, 1)
    }
    assert listing.noise == ("_background_noise_/white_noise.wav",)


@of("fsdkaggle2019")
def test_fsdkaggle2019_learns_from_noisy_and_predicts_unlabelled(listing: Listing) -> None:
    found = described(listing)
    assert len(found) == 20 + 20 + 3
    assert found["train_noisy/n0000001.wav"] == ("Bark", None, "train")
    assert found["test/t0000002.wav"] == ("", None, "unlabelled")
    assert found["train_curated/c0000002.wav"][0] == "Bark,Gurgling"
    curated = Counter(s for i, (_, _, s) in found.items() if i.startswith("train_curated/"))
    assert curated.keys() == {"train", "eval", "test"}
    assert listing.classes == ["Bark", "Gurgling"]


@of("fsdkaggle2019_zenodo")
def test_fsdkaggle2019_of_zenodo_is_tested_on_its_test_set(listing: Listing) -> None:
    found = described(listing)
    parts = Counter((i.split("/")[0].split("_", 1)[1], s) for i, (_, _, s) in found.items())
    assert parts["test", "test"] == 4
    assert parts["train_noisy", "train"] == 4
    assert parts["train_curated", "train"] + parts["train_curated", "eval"] == 12
    assert sum(parts.values()) == 20


@of("gtzan")
def test_gtzan_takes_what_the_filtered_lists_name(listing: Listing) -> None:
    found = described(listing)
    assert listing.left_out == 2
    assert splits(listing) == {"train": 8, "eval": 2, "test": 4}
    assert found["jazz/jazz.00004.au"] == ("jazz", None, "eval")
    assert "blues/blues.00007.au" not in found


@of("urbansound8k")
def test_urbansound8k_goes_by_folds(listing: Listing) -> None:
    found = described(listing)
    assert splits(listing) == {"train": 32, "eval": 4, "test": 4}
    assert found["audio/fold10/10008-8-0-1.wav"] == ("siren", "10008", "test")
    assert found["audio/fold9/9003-3-0-0.wav"] == ("dog_bark", "9003", "eval")


@of("esc50")
def test_esc50_goes_by_folds(listing: Listing) -> None:
    found = described(listing)
    assert splits(listing) == {"train": 18, "eval": 6, "test": 6}
    assert found["audio/5-100510-B-10.wav"] == ("rain", "100510", "test")
    assert listing.left_out == 0


@of("esc10")
def test_esc10_is_a_part_of_esc50(listing: Listing) -> None:
    assert listing.classes == ["dog", "rain"]
    assert splits(listing) == {"train": 12, "eval": 4, "test": 4}
    assert listing.left_out == 10  # The cows.


@of("esc10_alone")
def test_esc10_by_itself_goes_by_the_folds_in_its_names(listing: Listing) -> None:
    found = described(listing)
    assert splits(listing) == {"train": 12, "eval": 4, "test": 4}
    assert found["001 - Dog bark/5-1000051-B.ogg"] == ("Dog bark", "1000051", "test")
    assert listing.other_files == 1


@of("tut_acoustic_scenes")
def test_tut_scenes_keep_a_location_together(listing: Listing) -> None:
    found = described(listing)
    assert len(found) == 48
    assert found["audio/t011_10_20.wav"][:2] == ("tram", "t011")
    assert all(len(splits) == 1 for splits in splits_by_group(listing).values())
    assert splits(listing).keys() == {"train", "eval", "test"}


@of("fsdd")
def test_fsdd_keeps_a_speaker_together(listing: Listing) -> None:
    found = described(listing)
    assert len(found) == 24
    assert found["7_yweweler_1.wav"] == ("7", "yweweler", "train")
    assert splits_by_group(listing) == {
        "george": {"train"},
        "jackson": {"train"},
        "lucas": {"test"},
        "nicolas": {"eval"},
        "theo": {"train"},
        "yweweler": {"train"},
    }


@of("audioset_embeddings")
def test_audioset_goes_by_its_folders(listing: Listing) -> None:
    assert {file.clip_id: file.split for file in listing.files} == {
        "bal_train/00.tfrecord": None,  # Train and eval, video by video.
        "eval/00.tfrecord": "test",
    }
    assert listing.left_out == 1
