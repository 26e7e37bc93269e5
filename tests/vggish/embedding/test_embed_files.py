import csv
import os

import numpy as np
import pyarrow.parquet
import pytest
import soundfile
import tensorflow as tf

from components.audio_example_gen.sources.audioset import read_class_names, read_released_clips
from components.file_trees.local_tree import LocalTree
from schema.config.source_settings import SourceSettings
from vggish.audio.decoding import decode
from vggish.audio.sound_files import find_files
from vggish.embedding.embed_files import embed_files
from vggish.embedding.embedder import Embedder
from vggish.embedding.embedding_files import EmbeddingLayout, open_embedding_file
from vggish.errors import VggishError
from vggish.networks.layer_taps import build_features
from vggish.networks.log_mel import log_mel, windows_from_waveform
from vggish.networks.pca_postprocessor import Postprocessor
from vggish.networks.vggish_network import VGGISH

# What parses AudioSet's released embeddings.
AUDIO_SET_CONTEXT = {
    "video_id": tf.io.FixedLenFeature([], tf.string),
    "start_time_seconds": tf.io.FixedLenFeature([], tf.float32),
    "end_time_seconds": tf.io.FixedLenFeature([], tf.float32),
    "labels": tf.io.VarLenFeature(tf.int64),
}
AUDIO_SET_SEQUENCE = {"audio_embedding": tf.io.FixedLenSequenceFeature([], tf.string)}

SECONDS = {"a/one.wav": 0.3, "a/two.flac": 2.0, "b/three.wav": 4.9, "b/four.wav": 1.0}


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    """Four sounds, one damaged file, and a hidden one that is nobody's business."""
    folder = tmp_path_factory.mktemp("sounds")
    rng = np.random.default_rng(0)
    for name, seconds in SECONDS.items():
        (folder / name).parent.mkdir(exist_ok=True)
        soundfile.write(folder / name, rng.uniform(-0.5, 0.5, int(seconds * 16_000)), 16_000)
    (folder / "b" / "broken.wav").write_bytes(b"RIFF")
    (folder / ".hidden.wav").write_bytes(b"RIFF")
    return folder


def expected_windows(folder, name):
    """The cepstral features of each window of a file, computed clip by clip."""
    windows = windows_from_waveform(decode(folder / name).samples[np.newaxis])
    return build_features("mfcc", None)(log_mel(windows).values).numpy()


def run(folder, output, features="mfcc", by_window=False, labels=False, **options):
    layout = EmbeddingLayout(
        VGGISH.features[features],
        by_window=by_window,
        labels=labels,
        quantised="postprocessor" in options,
    )
    with open_embedding_file(output, layout) as write:
        return embed_files(
            find_files([str(folder)]),
            Embedder(features, options.pop("weights", None), **options),
            write,
            label_from_folder=labels,
        )


ORDER = ["a/one.wav", "a/two.flac", "b/four.wav", "b/three.wav"]


def test_every_file_is_a_row_or_a_named_failure(sounds, tmp_path):
    outcome = run(sounds, tmp_path / "out.csv")
    assert (outcome.clips, outcome.windows) == (4, 1 + 2 + 1 + 5)
    [failure] = outcome.failures
    assert failure.fname.endswith("b/broken.wav")
    assert failure.reason == "unreadable"
    assert "broken.wav is not a sound file" in failure.detail


def test_csv_holds_the_average_over_time(sounds, tmp_path):
    run(sounds, tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["fname", *(f"emb_{i}" for i in range(40))]
    assert [row[0] for row in rows] == [str(sounds / name) for name in ORDER]
    for name, row in zip(ORDER, rows, strict=True):
        expected = expected_windows(sounds, name).mean(axis=0)
        np.testing.assert_allclose(np.array(row[1:], float), expected, rtol=1e-3, atol=1e-4)


def test_parquet_holds_windows_and_labels(sounds, tmp_path):
    run(sounds, tmp_path / "out.parquet", by_window=True, labels=True)
    table = pyarrow.parquet.read_table(tmp_path / "out.parquet")
    assert table.column_names[:4] == ["fname", "labels", "start_seconds", "emb_0"]
    assert table["labels"].to_pylist() == ["a"] * 3 + ["b"] * 6
    starts = [0, 0, 0.96, 0, *np.arange(5) * 0.96]
    np.testing.assert_allclose(table["start_seconds"].to_pylist(), starts)
    found = np.stack([table[f"emb_{i}"].to_numpy() for i in range(40)], axis=1)
    expected = np.concatenate([expected_windows(sounds, name) for name in ORDER])
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)
    assert table.schema.field("emb_0").type == "float"


def test_npz_holds_spectrograms_in_their_own_shape(sounds, tmp_path):
    run(sounds, tmp_path / "out.npz", "log_mel", by_window=True, labels=True)
    with np.load(tmp_path / "out.npz", allow_pickle=False) as arrays:
        assert arrays["embeddings"].shape == (9, 96, 64)
        assert arrays["embeddings"].dtype == np.float32
        assert arrays["row_splits"].tolist() == [0, 1, 3, 4, 9]
        assert arrays["real_frames"].tolist() == [30, 192, 96, 480]
        assert arrays["labels"].tolist() == ["a", "a", "b", "b"]
        assert arrays["fname"].tolist() == [str(sounds / name) for name in ORDER]
        third = windows_from_waveform(decode(sounds / "b/three.wav").samples[np.newaxis])
        np.testing.assert_allclose(arrays["embeddings"][4:], log_mel(third).values, atol=1e-5)


def test_npz_of_averages_has_one_row_a_clip(sounds, tmp_path):
    run(sounds, tmp_path / "out.npz")
    with np.load(tmp_path / "out.npz", allow_pickle=False) as arrays:
        assert sorted(arrays.files) == ["embeddings", "fname", "real_frames"]
        assert arrays["embeddings"].shape == (4, 40)


@pytest.fixture(scope="module")
def quantiser():
    rng = np.random.default_rng(1)
    return Postprocessor(rng.normal(0, 0.3, (128, 128)), np.zeros(128))


def test_tfrecord_is_in_audio_sets_format(sounds, tmp_path, weights, quantiser):
    run(
        sounds, tmp_path / "out.tfrecord", "embedding", by_window=True,
        weights=weights, postprocessor=quantiser,
    )  # fmt: skip
    network = build_features("embedding", weights)
    records = list(tf.data.TFRecordDataset(str(tmp_path / "out.tfrecord")))
    assert len(records) == 4
    for name, record in zip(ORDER, records, strict=True):
        context, sequence = tf.io.parse_single_sequence_example(
            record, AUDIO_SET_CONTEXT, AUDIO_SET_SEQUENCE
        )
        assert context["video_id"].numpy().decode() == str(sounds / name)
        assert context["start_time_seconds"] == 0.0
        assert context["end_time_seconds"].numpy() == pytest.approx(SECONDS[name])
        assert context["labels"].values.shape == (0,)
        found = tf.io.decode_raw(sequence["audio_embedding"], tf.uint8).numpy()
        windows = windows_from_waveform(decode(sounds / name).samples[np.newaxis])
        expected = quantiser(network(log_mel(windows).values)).numpy()
        assert found.shape == expected.shape
        assert np.abs(found.astype(int) - expected).max() <= 1


def test_labelled_tfrecords_are_a_source_of_the_pipeline(sounds, tmp_path, weights, quantiser):
    for name, folder in (("train", sounds / "b"), ("eval", sounds)):
        run(
            folder, tmp_path / f"{name}.tfrecord", "embedding",
            by_window=True, labels=True, weights=weights, postprocessor=quantiser,
        )  # fmt: skip
    settings = SourceSettings(
        kind="audioset_embeddings", root=str(tmp_path), class_names="class_labels_indices.csv"
    )
    tree = LocalTree(str(tmp_path))
    names = read_class_names(settings, tree)
    assert names == ("b", "a")  # The second file keeps the numbers of the first.
    for name, folders in (("train", ["b", "b"]), ("eval", ["a", "a", "b", "b"])):
        clips = list(read_released_clips(tree, f"{name}.tfrecord", names, settings))
        assert [clip.labels for clip in clips] == [(folder,) for folder in folders]
        assert {clip.embedding.shape[1] for clip in clips} == {128}


@pytest.mark.parametrize("suffix", [".csv", ".npz", ".parquet"])
def test_a_storage_takes_what_the_disk_takes(sounds, tmp_path, suffix):
    address = f"ram://embeddings/{tmp_path.name}/new/out{suffix}"
    run(sounds, address)
    run(sounds, tmp_path / f"out{suffix}")
    with tf.io.gfile.GFile(address, "rb") as file:
        assert file.read() == (tmp_path / f"out{suffix}").read_bytes()
    assert tf.io.gfile.listdir(os.path.dirname(address)) == [f"out{suffix}"]


def test_post_processed_tables_hold_bytes(sounds, tmp_path, weights, quantiser):
    run(
        sounds / "a", tmp_path / "out.parquet", "embedding", by_window=True,
        weights=weights, postprocessor=quantiser,
    )  # fmt: skip
    table = pyarrow.parquet.read_table(tmp_path / "out.parquet")
    assert table.schema.field("emb_127").type == "uint8"
    assert table.num_rows == 3


def test_batches_do_not_mix_clips_up():
    """Lengths on all sides of the 64 windows of a batch, in every order."""
    embedder = Embedder("mfcc", None, hop_samples=1_600)
    rng = np.random.default_rng(0)
    clips = {
        count: rng.uniform(-0.5, 0.5, 15_600 + 1_600 * (count - 1)).astype(np.float32)
        for count in (1, 63, 64, 65, 130)
    }
    alone = {count: next(embedder.embed([(count, clip)]))[1] for count, clip in clips.items()}
    assert {count: len(vectors) for count, vectors in alone.items()} == {n: n for n in clips}
    for order in ([1, 64, 63], [65, 1, 130], [130, 63, 1, 65, 64], [63, 1, 63, 1]):
        found = list(embedder.embed((count, clips[count]) for count in order))
        assert [key for key, _ in found] == order
        for key, vectors in found:
            np.testing.assert_allclose(vectors, alone[key], rtol=1e-3, atol=1e-4)


def test_a_stream_is_not_gathered():
    """After each batch is full, its clips come out before another one is asked for."""
    asked = 0

    def clips():
        nonlocal asked
        for asked in range(1, 1_000):
            yield asked, np.zeros(100, np.float32)

    stream = Embedder("mfcc", None).embed(clips())
    next(stream)
    assert asked == 64


def test_files_folders_and_patterns_are_found_in_order(sounds):
    def names(*arguments):
        return [path.relative_to(sounds).as_posix() for path in find_files(arguments)]

    assert names(str(sounds)) == [*ORDER[:2], "b/broken.wav", "b/four.wav", "b/three.wav"]
    assert names(f"{sounds}/**/*.flac", f"{sounds}/b/four.wav") == ["a/two.flac", "b/four.wav"]
    assert names(f"{sounds}/*") == []  # Both matches are folders.
    assert names(f"{sounds}/absent*") == ["absent*"]


def test_a_name_that_is_no_utf8_is_written_escaped(tmp_path):
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    soundfile.write(tmp_path / "sound.wav", np.zeros(100), 16_000)
    (tmp_path / "sound.wav").rename(folder / "sound.wav")
    run(tmp_path, tmp_path / "out.parquet", labels=True)
    table = pyarrow.parquet.read_table(tmp_path / "out.parquet")
    assert table["fname"].to_pylist() == [f"{tmp_path}/caf\\xe9/sound.wav"]
    assert table["labels"].to_pylist() == ["caf\\xe9"]


def test_what_cannot_be_written_is_refused_before_anything_is_computed(tmp_path):
    for name, layout, message in (
        (
            "out.txt",
            EmbeddingLayout(VGGISH.features["mfcc"]),
            "must end with one of .csv, .parquet",
        ),
        (
            "out.tfrecord",
            EmbeddingLayout(VGGISH.features["embedding"]),
            "8-bit post-processed embeddings",
        ),
    ):
        with (
            pytest.raises(VggishError, match=message),
            open_embedding_file(tmp_path / name, layout),
        ):
            pass
    with pytest.raises(VggishError, match="'fusion' cannot be post-processed"):
        EmbeddingLayout(VGGISH.features["fusion"], quantised=True)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".npz", ".tfrecord"])
def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path, suffix):
    path = tmp_path / f"out{suffix}"
    path.write_text("old")
    layout = EmbeddingLayout(VGGISH.features["embedding"], by_window=True, quantised=True)
    with pytest.raises(RuntimeError), open_embedding_file(path, layout):
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.real_data
def test_real_audio_set_embeddings_parse_alike(real_data):
    paths = sorted(map(str, (real_data / "audioset_embeddings").glob("*.tfrecord")))
    assert len(paths) == 2
    for record in tf.data.TFRecordDataset(paths).take(50):
        _, sequence = tf.io.parse_single_sequence_example(
            record, AUDIO_SET_CONTEXT, AUDIO_SET_SEQUENCE
        )
        assert tf.io.decode_raw(sequence["audio_embedding"], tf.uint8).shape[1] == 128


@pytest.mark.real_data
def test_all_the_real_files_are_accounted_for(real_data, tmp_path):
    outcome = run(real_data, tmp_path / "out.parquet")
    files = sum(path.is_file() for path in real_data.rglob("*"))
    assert outcome.clips + len(outcome.failures) == files
    assert pyarrow.parquet.read_table(tmp_path / "out.parquet").num_rows == outcome.clips
    assert outcome.clips > 3_000
    assert {failure.reason for failure in outcome.failures} == {"unreadable"}
