"""Predictions for tables of embeddings."""

from pathlib import Path

import keras
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.predict.clip_prediction import load_pushed_model
from pipeline.predict.inputs import find_tables
from pipeline.predict.table_prediction import load_embedding_model, predict_tables
from schema.model_card import write_model_card
from trainer.heads.pooling import PooledHead
from trainer.serving.served_classifier import ServedClassifier
from vggish.errors import ConfigError
from vggish.networks.network import FrontEnd

CLASSES = ["dog", "cat"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, keras.Model]:
    keras.utils.set_random_seed(0)
    head = keras.Sequential([keras.Input([4]), keras.layers.Dense(2, activation="softmax")])
    folder = str(tmp_path_factory.mktemp("model"))
    served = ServedClassifier(
        None, PooledHead(head), CLASSES, FrontEnd(), thresholds=None, embedding_size=4
    )
    served.save(folder)
    write_model_card(folder, {"embedded": True})
    return folder, head


def test_windows_of_a_table_are_predicted_by_clip(
    tmp_path: Path, model: tuple[str, keras.Model]
) -> None:
    folder, head = model
    windows = np.random.default_rng(0).normal(size=[130, 4]).astype(np.float32)
    windows[3, 2] = np.nan
    names = np.repeat([f"{i}.wav" for i in range(65)], 2)
    columns = {"fname": names, **{f"emb_{i}": column for i, column in enumerate(windows.T)}}
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    found = list(predict_tables([str(tmp_path / "t.parquet")], *load_embedding_model(folder)))
    assert [prediction.clip for prediction in found] == list(dict.fromkeys(names))
    said = f"row 4 of {tmp_path}/t.parquet has nan in the column emb_2"
    assert said in str(found[1].error)
    expected = head(windows.reshape(65, 2, 4).mean(axis=1)).numpy()
    for prediction, scores in zip(found, expected, strict=True):
        if prediction.error is None:
            shown = [prediction.scores[name] for name in CLASSES]
            np.testing.assert_allclose(shown, scores, atol=1e-5)
    columns = {"emb_0": [1.0], "emb_1": [1.0]}
    pq.write_table(pa.table(columns), tmp_path / "u.parquet")
    with pytest.raises(ConfigError, match="have 2 numbers, but the model takes 4"):
        list(predict_tables([str(tmp_path / "u.parquet")], *load_embedding_model(folder)))


def test_a_model_of_embeddings_hears_no_sound(model: tuple[str, keras.Model]) -> None:
    with pytest.raises(ConfigError, match="takes embeddings, no sound; name tables"):
        load_pushed_model(model[0])


def test_tables_and_sounds_are_not_mixed(tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.touch()
    assert find_tables([str(table)]) == [str(table)]
    assert find_tables([str(tmp_path / "a.wav"), str(tmp_path)]) == []
    with pytest.raises(ConfigError, match=r"is a table of embeddings, but .* is none"):
        find_tables([str(table), str(tmp_path / "a.wav")])
    with pytest.raises(ConfigError, match="There is no table"):
        find_tables([str(tmp_path / "u.csv")])
