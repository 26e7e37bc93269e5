"""What twenty lines without a network get from the same clips: cepstra and logistic regression."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from components.report.clip_scores import ClipScores
from schema import clip_examples
from vggish.networks.layer_taps import build_features
from vggish.networks.log_mel import log_mel_from_windows, windows_from_pcm16
from vggish.params import SAMPLE_RATE

MOST_CLIPS = 2_000
"""Number of train clips, and of test clips, that the baseline reads; files hold them shuffled."""

_PCM_BYTES = 60 * SAMPLE_RATE * 2
"""A minute of 16-bit samples: what is read of a longer clip."""

_BATCH = 8


def mfcc_baseline(
    train_files: Sequence[str], test_files: Sequence[str], scores: ClipScores
) -> dict[str, float] | None:
    """Trains a logistic regression on each clip's mean MFCC, and scores it as the model is scored.

    Args:
        train_files: Files of clip examples to learn from.
        test_files: Files of the test clips.
        scores: The test clips, with their true classes.

    Returns:
        `score`, what `ClipScores.measure` says, and the numbers of `train` and `test` clips; None
        if the clips have no sound, or one class only.
    """
    places = {clip_id: place for place, clip_id in enumerate(scores.clip_ids)}
    _, train, labels = _read_clips(train_files)
    clip_ids, test, _ = _read_clips(test_files)
    known = [clip for clip, clip_id in enumerate(clip_ids) if clip_id in places]
    truth = scores.matrix(labels)
    if not known or truth.any(axis=0).sum() < 2:
        return None
    regression = LogisticRegression(max_iter=1_000)
    if scores.thresholds is None:
        targets = truth.argmax(axis=1)
        model = make_pipeline(StandardScaler(), regression).fit(train, targets)
        learned = model.classes_
    else:
        learned = np.flatnonzero(truth.any(axis=0) & ~truth.all(axis=0))
        if not len(learned):
            return None
        model = make_pipeline(StandardScaler(), OneVsRestClassifier(regression))
        model.fit(train, truth[:, learned].astype(int))
    by_class = np.zeros([len(known), len(scores.classes)])
    # Of one class alone, scikit-learn gives its absence as well, before its presence.
    by_class[:, learned] = model.predict_proba(test[known])[:, -len(learned) :]
    heard = scores.of([places[clip_ids[clip]] for clip in known])
    return {"score": heard.measure(by_class), "train": len(train), "test": len(known)}


def _read_clips(files: Sequence[str]) -> tuple[list[str], np.ndarray, list[list[str]]]:
    """Returns the ids of clips with sound, their mean MFCC [clips, 40], and their labels."""
    network = build_features("mfcc", None)
    spec = {
        **clip_examples.clip_id_spec(),
        **clip_examples.labels_spec(),
        clip_examples.PCM: tf.io.FixedLenFeature([], tf.string, default_value=""),
    }

    def parse(records: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.RaggedTensor]:
        clips = tf.io.parse_example(records, spec)
        windows = windows_from_pcm16(tf.strings.substr(clips[clip_examples.PCM], 0, _PCM_BYTES))
        vectors = windows.with_values(network(log_mel_from_windows(windows.values)))
        heard = tf.strings.length(clips[clip_examples.PCM]) > 0
        mean = tf.reduce_mean(vectors, axis=1)
        return (
            tf.boolean_mask(clips[clip_examples.CLIP_ID], heard),
            tf.boolean_mask(mean, heard),
            tf.ragged.boolean_mask(clips[clip_examples.LABELS], heard),
        )

    records = tf.data.TFRecordDataset(files).take(MOST_CLIPS).batch(_BATCH)
    clip_ids: list[str] = []
    vectors = [np.zeros([0, network.output_shape[-1]], np.float32)]
    labels: list[list[str]] = []
    for ids, means, names in records.map(parse):
        clip_ids += [clip_id.decode() for clip_id in ids.numpy()]
        vectors.append(means.numpy())
        labels += [[name.decode() for name in row] for row in names.to_list()]
    return clip_ids, np.concatenate(vectors), labels
