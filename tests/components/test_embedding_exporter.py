"""The embeddings of clips, file to file."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from exporting import SPLITS, export, make_rows, prepare

from components.counts import read_counts
from components.embedding_exporter.embed_clips import EmbedClips
from schema.embedded_clips import read_embedded_clips, windows_of
from trainer.clips.embedded_clips import load_embedded_clips
from vggish.networks.layer_taps import build_features
from vggish.networks.log_mel import log_mel, windows_from_pcm16
from vggish.weights.weight_arrays import random_weights


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, list[dict]]]:
    folder = tmp_path_factory.mktemp("exporter")
    rows = make_rows()
    prepare(folder, rows)
    export(folder, folder, with_table=1)
    return folder, rows


def expected_embeddings(row: dict) -> np.ndarray:
    windows = log_mel(windows_from_pcm16(tf.constant([row["pcm"]]))).values
    return build_features("mfcc", random_weights(0))(windows).numpy()


@pytest.mark.parametrize("split", SPLITS)
def test_examples_hold_every_window(
    exported: tuple[Path, dict[str, list[dict]]], split: str
) -> None:
    folder, rows = exported
    clips = load_embedded_clips([f"{folder}/embeddings/Split-{split}/*"], 40, 2, multi_label=True)
    assert clips.clip_ids.tolist() == [row["clip_id"] for row in rows[split]]
    expected = [expected_embeddings(row).mean(axis=0) for row in rows[split]]
    np.testing.assert_allclose(clips.features[:], expected, rtol=1e-4, atol=1e-4)
    assert clips.targets.tolist() == [
        [label in row["labels"] for label in (b"dog", b"cat")] for row in rows[split]
    ]


def test_clips_have_their_own_windows_and_the_names_of_their_classes(
    exported: tuple[Path, dict[str, list[dict]]],
) -> None:
    folder, rows = exported
    files = sorted(map(str, (folder / "embeddings" / "Split-test").iterdir()))
    clips = pa.concat_tables(read_embedded_clips(files)).sort_by("fname")
    assert clips["fname"].to_pylist() == ["test/0.wav", "test/1.wav"]
    assert clips["labels"].to_pylist() == [["cat"], []]  # No training clip is an owl.
    assert clips["label_ids"].to_pylist() == [[1], [-1]]
    lengths, windows = windows_of(clips)
    assert lengths.tolist() == [2, 1]
    expected = np.concatenate([expected_embeddings(row) for row in rows["test"]])
    np.testing.assert_allclose(windows, expected, rtol=1e-4, atol=1e-4)


def test_windows_are_counted_by_split(exported: tuple[Path, dict[str, list[dict]]]) -> None:
    folder, _ = exported
    counts = dict(read_counts(str(folder / "embeddings")))
    assert counts == {
        ("windows", "train"): 1 + 4 + 1,
        ("windows", "test"): 2 + 1,
        ("embedded",): 5,
    }


def test_table_has_one_row_a_clip(exported: tuple[Path, dict[str, list[dict]]]) -> None:
    folder, rows = exported
    table = pq.read_table(folder / "table").to_pandas().set_index("fname").sort_index()
    assert list(table.columns[:3]) == ["labels", "split", "emb_0"]
    assert len(table.columns) == 2 + 40
    assert list(table["split"]) == ["test", "test", "train", "train", "train"]
    assert [list(labels) for labels in table["labels"]] == [["cat"], [], ["cat"], ["dog"], ["dog"]]
    expected = expected_embeddings(rows["test"][0]).mean(axis=0)
    np.testing.assert_allclose(
        table.loc["test/0.wav"][2:].astype("f"), expected, rtol=1e-4, atol=1e-4
    )


def test_no_table_unless_it_is_wanted(
    exported: tuple[Path, dict[str, list[dict]]], tmp_path: Path
) -> None:
    folder, _ = exported
    export(folder, tmp_path, with_table=0)
    assert list((tmp_path / "table").iterdir()) == []


def test_a_bundle_that_failed_leaves_no_clips_to_its_next_attempt(
    exported: tuple[Path, dict[str, list[dict]]],
) -> None:
    folder, _ = exported
    (file,) = (folder / "transformed" / "Split-train").iterdir()
    records = list(tf.data.TFRecordDataset(str(file)).as_numpy_iterator())
    weights = str(folder / "weights" / "Format-Serving")
    step = EmbedClips(str(folder / "graph"), weights, "mfcc", 40)
    step.setup()
    try:
        step.start_bundle()
        list(step.process([(str(file), records[0])]))  # The worker dies before it is written.
        step.start_bundle()
        outputs = list(step.process([(str(file), records[1])])) + list(step.finish_bundle())
    finally:
        step.teardown()
    tables = [output.value.value for output in outputs if output.tag == "train"]
    assert [table["fname"].to_pylist() for table in tables] == [["train/1.wav"]]
