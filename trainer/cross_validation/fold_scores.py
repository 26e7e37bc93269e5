"""Training a head without a fold, and its scores of the fold."""

import os
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from schema.folds import Fold
from trainer.clips.clip_batches import one_hot
from trainer.clips.embedded_clips import EmbeddedClips
from trainer.fitting.frozen_head import score_clips, train_head
from trainer.fitting.trained_model import ScoredSplit, calibration_of, rule_of
from trainer.fitting.training_job import TrainingJob
from trainer.metrics.clip_metrics import ScoredClips
from vggish.npz_files import read_arrays, write_arrays


@dataclass(frozen=True)
class FoldScores:
    """The scores of the clips of a fold, by a head that was trained without them.

    Attributes:
        clip_ids: str [clips].
        tested: Their true labels, scores and decisions.
        counts: Number of clips in train, eval and test, int64 [3].
    """

    clip_ids: np.ndarray
    tested: ScoredClips
    counts: np.ndarray


def kept_fold_scores(job: TrainingJob, clips: EmbeddedClips, fold: Fold, folder: str) -> FoldScores:
    """Returns the scores of a fold from a folder; if it has none, computes and keeps them.

    Args:
        job: What to train.
        clips: The clips of all folds.
        fold: The fold.
        folder: Folder that belongs to this cross-validation alone.
    """
    path = os.path.join(folder, f"{fold.name}.npz")
    if not tf.io.gfile.exists(path):
        scores = score_fold(job, clips, fold)
        write_arrays(
            path, {"clip_ids": scores.clip_ids, "counts": scores.counts, **vars(scores.tested)}
        )
        return scores
    kept = read_arrays(path)
    ids, counts = kept.pop("clip_ids"), kept.pop("counts")
    return FoldScores(ids, ScoredClips(**kept), counts)


def score_fold(job: TrainingJob, clips: EmbeddedClips, fold: Fold) -> FoldScores:
    """Trains a head as a Trainer does, and scores the clips of the fold, which it has never seen.

    Calibration and thresholds are those of the fold's own eval part.

    Args:
        job: What to train.
        clips: The clips of all folds.
        fold: The fold.
    """
    train, evaluation, test = split_clips(clips, fold)
    head = train_head(job, train, evaluation)
    classes = len(job.classes)
    decided, scores = (score_clips(head.scores, part, classes) for part in (evaluation, test))
    calibration = calibration_of(job, ScoredSplit(evaluation.clip_ids, evaluation.targets, decided))
    if calibration is not None:
        decided, scores = (calibration(tf.constant(s)).numpy() for s in (decided, scores))
    decisions = rule_of(job, evaluation.targets, decided).decide(scores)
    return FoldScores(
        np.array([clip_id.decode() for clip_id in test.clip_ids], np.str_),
        ScoredClips(one_hot(test.targets, classes) > 0, scores, decisions),
        np.array([len(part.clip_ids) for part in (train, evaluation, test)]),
    )


def split_clips(
    clips: EmbeddedClips, fold: Fold
) -> tuple[EmbeddedClips, EmbeddedClips, EmbeddedClips]:
    """Returns the train, eval and test clips of a fold, each in the order of their ids."""
    ids = [clip_id.decode() for clip_id in clips.clip_ids]
    evaluation, test = (
        np.array([clip_id in part for clip_id in ids], bool) for part in (fold.eval, fold.test)
    )
    left_out = np.array([clip_id in fold.left_out for clip_id in ids], bool)
    parts = (~(evaluation | test | left_out), evaluation, test)
    train, chosen, tested = (clips.of(np.flatnonzero(part)) for part in parts)
    return train, chosen, tested
