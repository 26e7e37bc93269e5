"""What an ensemble gains over its members, on words.

Usage: python benchmarks/ensembles.py FOLDER --checkpoint PATH [--network yamnet] [--seeds N]

FOLDER is laid out as Speech Commands is: a folder a word, with the speaker before `_nohash_` in
every name. For every seed, the clips are dealt to five folds of whole speakers, and each head is
trained without a fold; a tenth of the other clips are the eval part, which calibrates heads and
fits stacks. Prints Markdown rows: accuracy of all clips, each scored without its speaker, as mean
and standard deviation over seeds; cross-entropy; and the difference of the accuracy from that of
the head that is best on the eval part, with a 95% interval of 2,000 draws of speakers. `chosen` is
that head, as ModelSelector would choose it. `by class` is a stack with weights of every class for
every class, scikit-learn's logistic regression on the log-odds, which is no part of the project.
"""

import argparse
import re
from pathlib import Path

import numpy as np
import soundfile
import tensorflow as tf
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold

from schema.config.model_settings import FeatureSettings, ModelSettings, TrainSettings
from trainer.clips.embedded_clips import EmbeddedClips
from trainer.ensemble.combination import fit_combination
from trainer.fitting.frozen_head import score_clips, train_head
from trainer.fitting.log_odds import log_odds_of
from trainer.fitting.trained_model import ScoredSplit, calibration_of
from trainer.fitting.training_job import TrainingJob
from vggish.embedding.embedder import Embedder
from vggish.weights.checkpoint import resolve

FOLDS = 5
HEADS = (
    "dense",
    "linear_discriminant",
    "logistic_regression",
    "linear_svm",
    "rbf_svm",
    "xgboost",
)
ENSEMBLES = {
    "of all six": HEADS,
    "of the first four": HEADS[:4],
    "of dense, rbf_svm and xgboost": ("dense", "rbf_svm", "xgboost"),
}
DRAWS = 2_000
Scores = dict[str, np.ndarray]


def embed_words(
    folder: Path, network: str, checkpoint: str
) -> tuple[EmbeddedClips, np.ndarray, list[str]]:
    """Returns the clips with the means of their features, their speakers, and the words."""
    weights, _ = resolve(checkpoint, network=network)
    embedder = Embedder("fusion", weights, network=network)
    files = sorted(folder.glob("[a-z]*/*.wav"))
    sounds = ((path, soundfile.read(path, dtype="float32")[0]) for path in files)
    features = np.stack([windows.mean(axis=0) for _, windows in embedder.embed(sounds)])
    words = sorted({path.parent.name for path in files})
    targets = np.array([words.index(path.parent.name) for path in files])
    ids = np.array([str(path.relative_to(folder)).encode() for path in files], object)
    speakers = np.array([re.split("_nohash_", path.name)[0] for path in files])
    return EmbeddedClips(ids, features, targets), speakers, words


def score_fold(
    clips: EmbeddedClips, parts: list[np.ndarray], words: list[str], seed: int
) -> dict[str, np.ndarray]:
    """Trains all heads without a fold; returns the scores of its clips by model."""
    train, evaluation, test = (clips.of(part) for part in parts)
    decided: Scores = {}
    scores: Scores = {}
    for head in HEADS:
        job = TrainingJob(
            model=ModelSettings(head=head, task="single_label"),
            train=TrainSettings(seed=seed),
            features=FeatureSettings(),
            max_clip_samples=0,
            embedding_size=clips.features.shape[1],
            target_precision=None,
            classes=words,
        )
        fitted = train_head(job, train, evaluation, None).scores
        own = score_clips(fitted, evaluation, len(words))
        calibration = calibration_of(job, ScoredSplit(evaluation.clip_ids, evaluation.targets, own))
        both = (own, score_clips(fitted, test, len(words)))
        decided[head], scores[head] = (
            both if calibration is None else (calibration(tf.constant(s)).numpy() for s in both)
        )
    right = {head: np.mean(decided[head].argmax(axis=1) == evaluation.targets) for head in HEADS}
    chosen = scores[max(HEADS, key=lambda head: right[head])]
    return scores | {"chosen": chosen} | combine(decided, scores, evaluation.targets)


def combine(decided: Scores, scores: Scores, targets: np.ndarray) -> Scores:
    """Returns the scores of ensembles, whose weights the eval part decides."""
    combined = {}
    truth = np.eye(len(decided[HEADS[0]][0]), dtype=bool)[targets]
    for title, heads in ENSEMBLES.items():
        seen, unseen = ([some[head] for head in heads] for some in (decided, scores))
        for how in ("mean", "stack"):
            combination = fit_combination(how, truth, seen, multi_label=False)
            combined[f"{how} {title}"] = combination(unseen).numpy()
        learn, ask = (
            np.concatenate([log_odds_of(s, multi_label=False) for s in some], axis=1)
            for some in (seen, unseen)
        )
        by_class = LogisticRegression(C=0.01, max_iter=1000).fit(learn, targets)
        combined[f"by class {title}"] = by_class.predict_proba(ask)
    return combined


def deal(
    clips: EmbeddedClips, speakers: np.ndarray, seed: int
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Returns the places of the train, eval and test clips of each fold."""
    dealt = []
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    for others, test in folds.split(speakers, clips.targets, speakers):
        tenths = StratifiedGroupKFold(10, shuffle=True, random_state=seed)
        train, evaluation = next(tenths.split(others, clips.targets[others], speakers[others]))
        dealt.append((others[train], others[evaluation], test))
    return dealt


def interval(gains: np.ndarray, speakers: np.ndarray) -> tuple[float, float]:
    """Returns the 95% interval of the mean over clips, by draws of whole speakers."""
    _, speaker = np.unique(speakers, return_inverse=True)
    sums, counts = np.bincount(speaker, gains), np.bincount(speaker)
    drawn = np.random.default_rng(0).integers(len(counts), size=[DRAWS, len(counts)])
    low, high = np.percentile(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1), [2.5, 97.5])
    return low, high


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--network", default="yamnet")
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    clips, speakers, words = embed_words(args.folder, args.network, args.checkpoint)
    right: dict[str, list[np.ndarray]] = {}
    losses: dict[str, list[float]] = {}
    for seed in range(args.seeds):
        scores: Scores = {}
        for parts in deal(clips, speakers, seed):
            for name, some in score_fold(clips, list(parts), words, seed).items():
                scores.setdefault(name, np.zeros([len(speakers), len(words)]))[parts[2]] = some
        for name, some in scores.items():
            right.setdefault(name, []).append(some.argmax(axis=1) == clips.targets)
            share = some[np.arange(len(some)), clips.targets] / some.sum(axis=1)
            losses.setdefault(name, []).append(-np.log(np.maximum(share, 1e-7)).mean())
        print(
            f"seed {seed}: {len(speakers):,} clips of {len(set(speakers)):,} speakers", flush=True
        )
    print("| scores | accuracy | cross-entropy | more than chosen |\n|---|---|---|---|")
    for name, hits in right.items():
        by_seed = np.mean(hits, axis=1)
        gains = np.mean(hits, axis=0) - np.mean(right["chosen"], axis=0)
        low, high = interval(gains, speakers)
        print(
            f"| {name} | {by_seed.mean():.4f} ± {by_seed.std():.4f} | {np.mean(losses[name]):.3f} "
            f"| {gains.mean():+.4f} ({low:+.4f} to {high:+.4f}) |"
        )


if __name__ == "__main__":
    main()
