"""The layouts of the well-known data sets, each with a handful of short sounds.

Every class has clips in every split that a run needs.
"""

import zlib
from pathlib import Path

import numpy as np
import tensorflow as tf
from trees import write_sound, write_sounds, write_table

# Speakers of the real data set: of its validation_list.txt and of its testing_list.txt.
TRAIN_SPEAKERS = ("00176480", "004ae714", "0a7c2a8d", "012c8314")
EVAL_SPEAKERS = ("026290a7", "060cd039")
TEST_SPEAKERS = ("0c40e715", "0ea0e2f4")


def speech_commands(root: Path) -> None:
    speakers = TRAIN_SPEAKERS + EVAL_SPEAKERS + TEST_SPEAKERS
    words = ("yes", "no")
    write_sounds(
        root, *(f"{w}/{s}_nohash_{i}.wav" for w in words for s in speakers for i in (0, 1))
    )
    write_sound(root / "_background_noise_" / "white_noise.wav", seconds=2)
    (root / "_background_noise_" / "README.md").write_text("Noise.\n")
    (root / "LICENSE").write_text("CC BY 4.0\n")
    for name, chosen in (("validation", EVAL_SPEAKERS), ("testing", TEST_SPEAKERS)):
        lines = [f"{w}/{s}_nohash_{i}.wav" for w in words for s in chosen for i in (0, 1)]
        (root / f"{name}_list.txt").write_text("\n".join(lines) + "\n")


def fsdkaggle2019(root: Path) -> None:
    curated = [["fname", "labels"]]
    noisy = [["fname", "labels"]]
    for i in range(20):
        labels = ["Bark", "Gurgling", "Bark,Gurgling"][i % 3]
        curated.append([f"c{i:07x}.wav", labels])
        noisy.append([f"n{i:07x}.wav", "Bark"])
    write_table(root / "train_curated.csv", curated)
    write_table(root / "train_noisy.csv", noisy)
    write_sounds(root, *(f"train_curated/{row[0]}" for row in curated[1:]))
    write_sounds(root, *(f"train_noisy/{row[0]}" for row in noisy[1:]))
    write_sounds(root, *(f"test/t{i:07x}.wav" for i in range(3)))
    write_table(root / "sample_submission.csv", [["fname", "Bark", "Gurgling"]])


def fsdkaggle2019_zenodo(root: Path) -> None:
    for part, count in (("train_curated", 12), ("train_noisy", 4), ("test", 4)):
        rows = [["fname", "labels", "license"]]
        for i in range(count):
            rows.append([f"{part[-3]}{i:07x}.wav", ["Bark", "Bark,Gurgling"][i % 2], "CC0"])
            write_sound(root / f"FSDKaggle2019.audio_{part}" / rows[-1][0])
        write_table(root / "FSDKaggle2019.meta" / f"{part}_post_competition.csv", rows)


def gtzan(root: Path) -> None:
    lists: dict[str, list[str]] = {"train": [], "valid": [], "test": []}
    for genre in ("blues", "jazz"):
        for i in range(8):
            name = f"{genre}/{genre}.{i:05}"
            write_sound(root / f"{name}.au", rate=22_050, format="AU")  # As first released.
            split = ["train", "train", "train", "train", "valid", "test", "test", None][i]
            if split:
                lists[split].append(f"{name}.wav")
    for split, names in lists.items():
        (root / f"{split}_filtered.txt").write_text("\n".join(names) + "\n")


def urbansound8k(root: Path) -> None:
    header = "slice_file_name,fsID,start,end,salience,fold,classID,class"
    rows = [header.split(",")]
    for fold in range(1, 11):
        for number, name in ((3, "dog_bark"), (8, "siren")):
            recording = str(1000 * fold + number)
            for i in (0, 1):
                rows.append([f"{recording}-{number}-0-{i}.wav", recording, "0", "4", "1"])
                rows[-1] += [str(fold), str(number), name]
                write_sound(root / "audio" / f"fold{fold}" / rows[-1][0], rate=44_100)
    write_table(root / "metadata" / "UrbanSound8K.csv", rows)


def esc50(root: Path) -> None:
    header = "filename,fold,target,category,esc10,src_file,take"
    rows = [header.split(",")]
    classes = (("dog", "0", "True"), ("rain", "10", "True"), ("cow", "3", "False"))
    for fold in range(1, 6):
        for category, target, esc10 in classes:
            source = str(100_000 + 100 * fold + int(target))
            for take in "AB":
                name = f"{fold}-{source}-{take}-{target}.wav"
                rows.append([name, str(fold), target, category, esc10, source, take])
                write_sound(root / "audio" / name)
    write_table(root / "meta" / "esc50.csv", rows)


def esc10_alone(root: Path) -> None:
    for folder in ("001 - Dog bark", "002 - Rain"):
        for fold in range(1, 6):
            for take in "AB":
                path = root / folder / f"{fold}-{100_000 + fold}{folder[2]}-{take}.ogg"
                write_sound(path, format="OGG", subtype="VORBIS", rate=44_100)
    (root / "README.md").write_text("ESC-10\n")


def tut_acoustic_scenes(root: Path) -> None:
    rows = []
    for scene in ("beach", "tram"):
        for place in range(12):
            location = f"{scene[0]}{place:03}"
            for start in (0, 10):
                name = f"audio/{location}_{start}_{start + 10}.wav"
                rows.append([name, scene, location])
                write_sound(root / name, subtype="PCM_24")
    write_table(root / "meta.txt", rows, delimiter="\t")


def fsdd(root: Path) -> None:
    for speaker in ("george", "jackson", "lucas", "nicolas", "theo", "yweweler"):
        write_sounds(root, *(f"{d}_{speaker}_{i}.wav" for d in (0, 7) for i in range(2)))


def urban_sed(root: Path) -> None:
    for split, recordings in (("train", 6), ("validate", 3), ("test", 3)):
        for i in range(recordings):
            name = f"{split}/soundscape_{split}_uniform{i}"
            write_sound(root / "audio" / f"{name}.wav", seconds=3, rate=44_100)
            rows = [[0.2, 1.9, "siren"], [1.5, 2.8, "dog_bark"]]
            write_table(root / "annotations" / f"{name}.txt", rows[i % 2 :], delimiter="\t")
            (root / "annotations" / f"{name}.jams").write_text("{}\n")


def audioset_embeddings(root: Path) -> None:
    rows = [["index", "mid", "display_name"], ["0", "/m/09x0r", "Speech"]]
    rows.append(["1", "/m/05zppz", "Male speech, man speaking"])
    root.mkdir(parents=True)
    write_table(root / "class_labels_indices.csv", rows)
    for split, count in (("bal_train", 40), ("eval", 4), ("unbal_train", 2)):
        (root / split).mkdir()
        with tf.io.TFRecordWriter(str(root / split / "00.tfrecord")) as file:
            for i in range(count):
                file.write(audioset_record(f"{split}{i:06}", [[0], [0, 1]][i % 2]))


def audioset_record(video: str, labels: list[int], seconds: int = 10, start: float = 30.0) -> bytes:
    """A serialized SequenceExample as AudioSet releases them; row s holds the bytes s, s, s, ..."""

    def feature(**values: list) -> tf.train.Feature:
        kinds = {"bytes_list": tf.train.BytesList, "int64_list": tf.train.Int64List}
        kinds["float_list"] = tf.train.FloatList
        return tf.train.Feature(**{k: kinds[k](value=v) for k, v in values.items()})

    rng = np.random.default_rng(zlib.crc32(video.encode()))
    rows = [rng.integers(0, 256, 128, np.uint8).tobytes() for _ in range(seconds)]
    context = {
        "video_id": feature(bytes_list=[video.encode()]),
        "labels": feature(int64_list=labels),
        "start_time_seconds": feature(float_list=[start]),
        "end_time_seconds": feature(float_list=[start + seconds]),
    }
    steps = tf.train.FeatureList(feature=[feature(bytes_list=[row]) for row in rows])
    return tf.train.SequenceExample(
        context=tf.train.Features(feature=context),
        feature_lists=tf.train.FeatureLists(feature_list={"audio_embedding": steps}),
    ).SerializeToString()


BUILDERS = {
    "speech_commands": speech_commands,
    "speech_commands_lists": speech_commands,
    "speech_commands_models": speech_commands,
    "speech_commands_warm_start": speech_commands,
    "speech_commands_hash": speech_commands,
    "fsdkaggle2019": fsdkaggle2019,
    "fsdkaggle2019_zenodo": fsdkaggle2019_zenodo,
    "gtzan": gtzan,
    "urbansound8k": urbansound8k,
    "esc50": esc50,
    "esc10": esc50,
    "esc10_alone": esc10_alone,
    "tut_acoustic_scenes": tut_acoustic_scenes,
    "fsdd": fsdd,
    "urban_sed": urban_sed,
    "audioset_embeddings": audioset_embeddings,
}
"""By the name of the configuration, what builds its data set below a root."""
