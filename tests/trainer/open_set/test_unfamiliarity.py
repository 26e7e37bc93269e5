"""The distance against NumPy's, and what it tells apart."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import roc_auc_score

from trainer.clips.embedded_clips import EmbeddedClips
from trainer.open_set.unfamiliarity import Unfamiliarity, fit_unfamiliarity

CLASSES, SIZE = 4, 12
CENTRES = 4 * np.random.default_rng(0).normal(size=[CLASSES, SIZE])


def clips(number: int, seed: int, unknown: int = 0) -> EmbeddedClips:
    """Clips around the centre of their class; the last ones are background, anywhere."""
    rng = np.random.default_rng(seed)
    own = rng.integers(0, CLASSES, number)
    known = CENTRES[own] + rng.normal(size=[number, SIZE])
    pooled = np.concatenate([known, rng.normal(0, 6, [unknown, SIZE])]).astype(np.float32)
    targets = np.concatenate([np.eye(CLASSES)[own], np.zeros([unknown, CLASSES])])
    ids = np.array([b"%d" % i for i in range(len(pooled))], object)
    return EmbeddedClips(ids, pooled, targets.astype(np.float32))


def measured(measure: Unfamiliarity, some: EmbeddedClips) -> np.ndarray:
    windows = tf.RaggedTensor.from_row_lengths(
        np.repeat(some.features, 2, axis=0), np.full(len(some.features), 2)
    )
    return measure(windows).numpy()[:, 0]


@pytest.fixture(scope="module")
def fitted() -> Unfamiliarity:
    return fit_unfamiliarity(clips(200, 1, unknown=40), clips(100, 2, unknown=20), "mean", 0)


def test_unknown_clips_are_less_familiar(fitted: Unfamiliarity) -> None:
    given = measured(fitted, clips(200, 3, unknown=100))
    assert roc_auc_score(np.repeat([0, 1], [200, 100]), given) > 0.97


def test_the_scale_comes_from_the_eval_clips_of_classes(fitted: Unfamiliarity) -> None:
    known = measured(fitted, clips(100, 2))
    assert np.median(known) == pytest.approx(0, abs=1e-5)
    assert np.mean(known > 1) == pytest.approx(0.05)
    new = measured(fitted, clips(400, 5))
    assert 0.01 < np.mean(new > 1) < 0.15


def test_background_takes_no_part() -> None:
    with_background, without = (
        fit_unfamiliarity(clips(200, 1, unknown=n), clips(100, 2, unknown=n), "mean", 0)
        for n in (50, 0)
    )
    some = clips(50, 3, unknown=50)
    np.testing.assert_allclose(
        measured(with_background, some), measured(without, some), rtol=1e-4, atol=1e-4
    )


def test_the_distance_is_the_nearest_class_s_less_that_of_all(fitted: Unfamiliarity) -> None:
    arrays = {v.name.removesuffix(":0"): v.numpy() for v in fitted.variables}
    train = clips(200, 1)
    standard = (train.features - arrays["standardise.mean_"]) / arrays["standardise.scale_"]
    centred = np.clip(standard, -5, 5) - arrays["pca.mean_"]
    white = centred @ arrays["pca.components_"].T / np.sqrt(arrays["pca.explained_variance_"])
    np.testing.assert_allclose(np.cov(white.T), np.eye(white.shape[1]), atol=1e-6)
    inverse = arrays["unfamiliarity.precision"]
    own = [
        min((row - mean) @ inverse @ (row - mean) for mean in arrays["unfamiliarity.means"])
        for row in white
    ]
    expected = np.array(own) - (white**2).sum(axis=1)
    np.testing.assert_allclose(fitted.distances(tf.constant(train.features)), expected, rtol=1e-6)


def test_a_saved_measure_needs_tensorflow_alone(fitted: Unfamiliarity, tmp_path: Path) -> None:
    module = tf.Module()
    module.measure = fitted
    spec = tf.RaggedTensorSpec([None, None, SIZE], tf.float32, ragged_rank=1)
    module.call = tf.function(fitted, input_signature=[spec], autograph=False)
    tf.saved_model.save(module, str(tmp_path))
    some = clips(20, 3, unknown=20)
    windows = tf.RaggedTensor.from_row_lengths(some.features, np.ones(40, np.int64))
    loaded = tf.saved_model.load(str(tmp_path))
    again = loaded.call(windows).numpy()
    np.testing.assert_allclose(again[:, 0], measured(fitted, some), atol=1e-5)


def test_clips_that_are_all_alike_are_typical() -> None:
    same = clips(30, 1)
    same.features[:] = same.features[0]
    assert np.isfinite(measured(fit_unfamiliarity(same, same, "mean", 0), same)).all()
