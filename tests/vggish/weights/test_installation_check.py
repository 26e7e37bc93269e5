import numpy as np
import pytest

from vggish.errors import VggishError
from vggish.weights import installation_check as check_module
from vggish.weights.checkpoint import load_checkpoint
from vggish.weights.installation_check import check_installation
from vggish.weights.published_values import (
    PUBLISHED_EMBEDDING,
    PUBLISHED_POSTPROCESSED,
    RELATIVE_TOLERANCE,
    EmbeddingStatistics,
    ValueComparison,
    compare_vggish,
    prove,
    tone_embedding,
)
from vggish.weights.weight_arrays import random_weights, save_weights


def test_without_a_checkpoint_it_says_what_was_not_checked():
    report = check_installation()
    assert report.passed
    assert [comparison.what for comparison in report.comparisons] == [
        "log-mel of the tone",
        "log-mel of the tone in float32",
        "quantisation of -3 to 3",
    ]
    assert "no checkpoint was given" in report.unchecked[0]
    assert "PCA was not checked" in report.unchecked[1]
    assert "random weights" in check_installation("random").unchecked[0]


def test_a_front_end_that_is_off_is_seen(monkeypatch):
    exact = check_module.tone_log_mel
    monkeypatch.setattr(check_module, "tone_log_mel", lambda *dtype: exact(*dtype) + 1e-5)
    report = check_installation()
    assert not report.passed
    assert report.comparisons[0].difference == pytest.approx(1e-5, rel=0.1)


def test_nan_is_no_agreement():
    assert not ValueComparison("x", 0.0, float("nan"), float("nan"), 1.0).passed


def test_another_network_is_seen(slim):
    report = check_installation(str(slim / "vggish_model.ckpt"))
    wrong = [comparison for comparison in report.comparisons if not comparison.passed]
    assert not report.passed
    assert [comparison.what for comparison in wrong] == [
        "mean of the embedding of the tone",
        "deviation of the embedding of the tone",
    ]
    assert not any("network" in sentence for sentence in report.unchecked)


def test_the_right_network_is_proven(slim):
    weights = load_checkpoint(str(slim / "vggish_model.ckpt"))
    embedding = tone_embedding(weights)
    assert embedding.shape == (3, 128)
    prove(compare_vggish(weights, EmbeddingStatistics.of(embedding)))


def test_another_yamnet_is_seen(tmp_path):
    save_weights(random_weights(0, "yamnet"), tmp_path / "yamnet.npz", "yamnet")
    report = check_installation(str(tmp_path / "yamnet.npz"), network="yamnet")
    wrong = [comparison.what for comparison in report.comparisons if not comparison.passed]
    assert "rank of the class Silence in silence" in wrong
    assert not report.unchecked


def test_yamnet_has_no_pca():
    with pytest.raises(VggishError, match="YAMNet has no PCA; leave --pca away"):
        check_installation(None, "vggish_pca_params.npz", network="yamnet")


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["yamnet_tfhub.tflite", "yamnet_with_log_mel.tflite"])
def test_the_official_yamnet_is_proven(real_data, name):
    report = check_installation(str(real_data / "yamnet" / name), network="yamnet")
    assert report.passed
    assert len(report.comparisons) == 6


@pytest.mark.real_data
def test_the_published_vectors_pass_the_published_statistics(real_data):
    with np.load(real_data / "golden" / "smoke_test_1khz.npz") as golden:
        for values, published in (
            (golden["embedding"], PUBLISHED_EMBEDDING),
            (golden["postprocessed"], PUBLISHED_POSTPROCESSED),
        ):
            found = EmbeddingStatistics.of(values)
            assert found.mean == pytest.approx(published.mean, rel=RELATIVE_TOLERANCE)
            assert found.std == pytest.approx(published.std, rel=RELATIVE_TOLERANCE)


@pytest.mark.real_data
def test_with_everything_there_all_is_checked(real_data, slim):
    report = check_installation(
        str(slim / "vggish_model.ckpt"), real_data / "golden" / "vggish_pca_params.npz"
    )
    differences = {comparison.what: comparison for comparison in report.comparisons}
    assert differences["mean of the post-processed ramp"].difference == 0.0
    assert not differences["mean of the post-processed embedding of the tone"].passed
    assert not report.unchecked
