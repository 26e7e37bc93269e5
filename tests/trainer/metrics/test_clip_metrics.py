"""Every metric as TFMA computes it on bundles of clips, against scikit-learn."""

import numpy as np
import pytest
import sklearn.metrics as oracle
from metric_cases import analyse, one_label, several_labels
from tensorflow_model_analysis.proto.config_pb2 import MetricConfig

from pipeline.eval_config import eval_config
from schema.config.delivery_settings import EvaluateSettings
from trainer.metrics.clip_metrics import ScoredClips

TOLERANCE = 1e-9


def metrics_of(multi_label: bool) -> list[MetricConfig]:
    metrics = eval_config(EvaluateSettings(), multi_label=multi_label).metrics_specs[0].metrics
    for metric in metrics:
        metric.ClearField("per_slice_thresholds")  # Without a model there is nothing to validate.
    return list(metrics)


@pytest.fixture(scope="module", params=[False, True], ids=["one label", "several labels"])
def measured(request: pytest.FixtureRequest) -> tuple[ScoredClips, dict, bool]:
    clips = several_labels() if request.param else one_label()
    found = analyse(clips, metrics_of(request.param), multi_label=request.param)
    return clips, found, request.param


def test_ranking_is_scikit_learns(measured: tuple[ScoredClips, dict, bool]) -> None:
    clips, found, _ = measured
    there = clips.truth.any(axis=0)
    assert not there[-1]
    truth, scores = clips.truth[:, there], clips.scores[:, there]
    for name, ours, function in (
        ("average_precision", "mean_average_precision", oracle.average_precision_score),
        ("auc", "auc", oracle.roc_auc_score),
    ):
        by_class = function(truth, scores, average=None)
        assert found[ours, None] == pytest.approx(by_class.mean(), abs=TOLERANCE)
        for c, value in enumerate(by_class):
            assert found[name, c] == pytest.approx(value, abs=TOLERANCE)
        assert (name, len(there) - 1) not in found  # A class without clips.


def test_decisions_are_scikit_learns(measured: tuple[ScoredClips, dict, bool]) -> None:
    clips, found, _ = measured
    there = np.flatnonzero(clips.truth.any(axis=0))
    by_class = oracle.precision_recall_fscore_support(
        clips.truth, clips.decisions, labels=there, zero_division=0
    )
    for name, values in zip(("precision", "recall", "f1", "support"), by_class, strict=True):
        for c, value in zip(there, values, strict=True):
            assert found[name, c] == pytest.approx(value, abs=TOLERANCE)
    assert found["macro_f1", None] == pytest.approx(by_class[2].mean(), abs=TOLERANCE)


def test_accuracy_and_loss_of_one_label() -> None:
    clips = one_label(seed=1)
    found = analyse(clips, metrics_of(False), multi_label=False)
    own = clips.truth.argmax(axis=1)
    classes = range(clips.truth.shape[1])
    assert found["accuracy", None] == oracle.accuracy_score(own, clips.scores.argmax(axis=1))
    top = oracle.top_k_accuracy_score(own, clips.scores, k=5, labels=classes)
    assert found["top_5_accuracy", None] == pytest.approx(top, abs=TOLERANCE)
    loss = oracle.log_loss(own, clips.scores.astype(float), labels=classes)
    assert found["loss", None] == pytest.approx(loss, abs=1e-6)  # Keras bounds scores by 1e-7.


def test_metrics_of_several_labels(measured: tuple[ScoredClips, dict, bool]) -> None:
    clips, found, multi_label = measured
    if not multi_label:
        assert ("hamming_loss", None) not in found
        return
    truth, decisions = clips.truth, clips.decisions
    wrong = [
        sum(t != d for t, d in zip(*pair, strict=True))
        for pair in zip(truth, decisions, strict=True)
    ]
    expected = sum(wrong) / truth.size
    assert found["hamming_loss", None] == pytest.approx(expected, abs=TOLERANCE)
    assert expected == pytest.approx(oracle.hamming_loss(truth, decisions), abs=TOLERANCE)
    assert found["label_accuracy", None] == pytest.approx(1 - expected, abs=TOLERANCE)
    exact = oracle.accuracy_score(truth, decisions)
    assert found["exact_match", None] == pytest.approx(exact, abs=TOLERANCE)
    for c in np.flatnonzero(truth.any(axis=0)):
        right = oracle.accuracy_score(truth[:, c], decisions[:, c])
        assert found["label_accuracy", c] == pytest.approx(right, abs=TOLERANCE)
    loss = np.mean([oracle.log_loss(t, s, labels=[0, 1]) for t, s in bounded(clips)])
    assert found["loss", None] == pytest.approx(loss, abs=1e-6)


def bounded(clips: ScoredClips) -> list[tuple[np.ndarray, np.ndarray]]:
    scores = clips.scores.astype(float).clip(1e-7, 1 - 1e-7)
    return list(zip(clips.truth, scores, strict=True))


def test_bundles_do_not_matter(measured: tuple[ScoredClips, dict, bool]) -> None:
    clips, found, multi_label = measured
    again = analyse(clips, metrics_of(multi_label), multi_label=multi_label, bundles=1)
    numbers = {key for key, value in found.items() if isinstance(value, float)}
    assert len(numbers) > 50
    for key in numbers:
        assert again[key] == pytest.approx(found[key], abs=1e-12), key


def test_a_clip_whose_label_is_no_class_is_a_miss() -> None:
    clips = one_label(clips=40)
    clips.truth[:10] = False
    found = analyse(clips, metrics_of(False), multi_label=False)
    hits = (clips.truth & clips.decisions).sum()
    assert found["accuracy", None] == pytest.approx(hits / 40, abs=TOLERANCE)


def test_clips_without_any_label_have_no_ranking() -> None:
    clips = several_labels(clips=30)
    clips.truth[:] = False
    found = analyse(clips, metrics_of(True), multi_label=True)
    assert not {"mean_average_precision", "auc", "macro_f1"} & {k for k, _ in found}
    # The metric that blessing asks for is there all the same, or TFMA would fail the model.
    assert np.isnan(found["lwlrap", None])
    assert found["hamming_loss", None] == pytest.approx(clips.decisions.mean(), abs=TOLERANCE)
