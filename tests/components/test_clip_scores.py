"""Which test clips the report shows, and how their sounds get into the page."""

import base64
import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import soundfile
import tensorflow as tf
from PIL import Image

from components.report import sounds
from components.report.clip_scores import ClipScores, read_clip_scores
from components.report.mfcc_baseline import mfcc_baseline
from components.report.page import ShownClip
from vggish.audio.decoding import pcm16_from_samples
from vggish.example_features import bytes_feature, serialized_example

CLASSES = ["dog", "cat", "cow"]


def one_label(rows: list[tuple[str, str, list[float]]]) -> ClipScores:
    columns = {
        "fname": [f"{i}.wav" for i in range(len(rows))],
        "true": [true for true, _, _ in rows],
        "predicted": [predicted for _, predicted, _ in rows],
    }
    columns |= {f"score_{c}": [scores[i] for *_, scores in rows] for i, c in enumerate(CLASSES)}
    return read_clip_scores(pa.table(columns), CLASSES, None)


def test_worst_mistakes_are_farthest_from_the_truth() -> None:
    clips = one_label(
        [
            ("dog", "dog", [0.5, 0.4, 0.1]),
            ("dog", "cat", [0.4, 0.5, 0.1]),
            ("cow", "dog", [0.9, 0.1, 0.0]),
            ("cat", "cat", [0.0, 0.9, 0.1]),
        ]
    )
    assert [clip["clip_id"] for clip in clips.mistakes()] == ["2.wav", "1.wav"]
    assert [clip["clip_id"] for clip in clips.least_sure()] == ["0.wav", "3.wav"]
    worst = clips.mistakes()[0]
    assert (worst["true"], worst["predicted"]) == (["cow"], ["dog"])
    assert worst["scores"][0] == ("dog", pytest.approx(0.9))
    assert clips.majority_score({"dog": {"train": 9}, "cat": {"train": 3}}) == 0.5


def test_class_that_is_not_ranked_high_still_has_its_score() -> None:
    names = [f"class {i}" for i in range(6)]
    table = {"fname": ["a.wav"], "true": ["class 5"], "predicted": ["class 0"]}
    table |= {f"score_{name}": [1 - i / 10] for i, name in enumerate(names)}
    (clip,) = read_clip_scores(pa.table(table), names, None).mistakes()
    assert [name for name, _ in clip["scores"]] == ["class 0", "class 1", "class 2", "class 5"]


def test_several_labels_are_judged_by_their_thresholds() -> None:
    true = [["dog", "cat"], ["dog"], []]
    scores = np.array([[0.9, 0.55, 0.1], [0.9, 0.9, 0.1], [0.1, 0.1, 0.1]], np.float32)
    table = pa.table(
        {
            "fname": ["a.wav", "b.wav", "c.wav"],
            "true": pa.array(true),
            "predicted": pa.array([["dog", "cat"], ["dog", "cat"], []]),
            **{f"score_{name}": scores[:, i] for i, name in enumerate(CLASSES)},
        }
    )
    clips = read_clip_scores(table, CLASSES, dict.fromkeys(CLASSES, 0.5))
    assert [clip["clip_id"] for clip in clips.mistakes()] == ["b.wav"]
    assert [clip["clip_id"] for clip in clips.least_sure()] == ["a.wav", "c.wav"]
    # By hand: cat, dog is the order of the train clips.
    by_label = {"dog": {"train": 2}, "cat": {"train": 5}}
    assert clips.majority_score(by_label) == pytest.approx((1 + 1 + 1 / 2) / 3)


def shown(clip_id: str) -> ShownClip:
    return ShownClip(
        clip_id=clip_id, true=["dog"], predicted=["cat"], scores=[], sound=None, picture=None
    )


def write_examples(path: Path, seconds: dict[str, float]) -> str:
    rng = np.random.default_rng(0)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for clip_id, length in seconds.items():
            pcm = pcm16_from_samples(rng.normal(0, 0.1, int(16_000 * length)))
            features = {"clip_id": bytes_feature([clip_id.encode()]), "pcm": bytes_feature([pcm])}
            writer.write(serialized_example(features))
    return str(path)


def content(uri: str | None, kind: str) -> io.BytesIO:
    assert uri is not None
    head, _, data = uri.partition(",")
    assert head == f"data:{kind};base64"
    return io.BytesIO(base64.b64decode(data))


def test_sounds_are_short_and_can_be_played(tmp_path: Path) -> None:
    files = [write_examples(tmp_path / "a.tfrecord", {"x": 1, "long": 25, "tiny": 0.01})]
    clips = sounds.add_sounds([shown("long"), shown("tiny"), shown("absent")], files)
    info = soundfile.info(content(clips[0]["sound"], "audio/mpeg"))
    assert (info.samplerate, info.duration) == (16_000, pytest.approx(10, abs=0.1))
    picture = Image.open(content(clips[0]["picture"], "image/webp"))
    assert (picture.width, picture.height) == (400, 64)
    assert len(str(clips[0]["sound"])) < 60_000
    assert clips[1]["sound"]
    assert clips[2]["sound"] is clips[2]["picture"] is None


def test_all_sounds_together_have_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [write_examples(tmp_path / "a.tfrecord", {"a": 5, "b": 5, "c": 5})]
    names = [shown("a"), shown("b"), shown("c")]
    one = sounds.add_sounds(names, files)[0]
    size = len(str(one["sound"])) + len(str(one["picture"]))
    monkeypatch.setattr(sounds, "MOST_BYTES", round(2.5 * size))
    assert [clip["sound"] is not None for clip in sounds.add_sounds(names, files)] == [
        True,
        True,
        False,
    ]


def write_clips(file: Path, clips: dict[str, tuple[np.ndarray, list[str]]]) -> list[str]:
    with tf.io.TFRecordWriter(str(file)) as writer:
        for clip_id, (samples, labels) in clips.items():
            feature = {
                "clip_id": bytes_feature([clip_id.encode()]),
                "pcm": bytes_feature([pcm16_from_samples(samples)]),
                "labels": bytes_feature([label.encode() for label in labels]),
            }
            writer.write(serialized_example(feature))
    return [str(file)]


@pytest.mark.parametrize("several", [False, True])
def test_cepstra_tell_a_hum_from_a_hiss(tmp_path: Path, several: bool) -> None:
    rng = np.random.default_rng(0)

    def hum(seconds: float) -> np.ndarray:
        time = np.arange(int(16_000 * seconds)) / 16_000
        return 0.3 * np.sin(2 * np.pi * rng.uniform(100, 300) * time)

    def hiss(seconds: float) -> np.ndarray:
        return rng.normal(0, 0.1, int(16_000 * seconds))

    makers = [(hum, ["dog"]), (hiss, ["cat"])]
    train = {f"{i}.wav": (makers[i % 2][0](0.3 + i), makers[i % 2][1]) for i in range(4)}
    test = {f"t{i}.wav": (makers[i % 2][0](1), makers[i % 2][1]) for i in range(4)}
    true = [label for _, label in test.values()]
    columns = {
        "fname": list(test),
        "true": true if several else [label[0] for label in true],
        "predicted": true if several else [label[0] for label in true],
        **{f"score_{name}": [0.5] * 4 for name in CLASSES},
    }
    clips = read_clip_scores(
        pa.table(columns), CLASSES, dict.fromkeys(CLASSES, 0.5) if several else None
    )
    files = [write_clips(tmp_path / name, data) for name, data in (("a", train), ("b", test))]
    assert mfcc_baseline(*files, clips) == {"score": 1.0, "train": 4, "test": 4}


def test_label_of_every_clip_cannot_be_learned_and_the_only_other_is(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    loud, faint = (rng.normal(0, level, 16_000) for level in (0.3, 0.001))
    clips = {"a.wav": (loud, ["dog", "cow"]), "b.wav": (faint, ["cow"])}
    true = [labels for _, labels in clips.values()]
    columns = {"fname": list(clips), "true": true, "predicted": true}
    columns |= {f"score_{name}": [0.5] * 2 for name in CLASSES}
    scores = read_clip_scores(pa.table(columns), CLASSES, dict.fromkeys(CLASSES, 0.5))
    files = write_clips(tmp_path / "clips", clips)
    # By hand: dog is first of both; cat and cow are level, at the third place. So dog is 1, and
    # cow is 2 of 3 and 1 of 3.
    assert mfcc_baseline(files, files, scores) == {
        "score": pytest.approx((1 + 2 / 3 + 1 / 3) / 3),
        "train": 2,
        "test": 2,
    }


def test_released_embeddings_have_no_cepstra(tmp_path: Path) -> None:
    with tf.io.TFRecordWriter(str(tmp_path / "a")) as writer:
        feature = {"clip_id": bytes_feature([b"a.wav"]), "labels": bytes_feature([b"dog"])}
        writer.write(serialized_example(feature))
    clips = one_label([("dog", "dog", [0.5, 0.4, 0.1])])
    assert mfcc_baseline([str(tmp_path / "a")], [str(tmp_path / "a")], clips) is None
