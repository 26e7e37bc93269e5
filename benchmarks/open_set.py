"""Seven words known, three words and noise unknown: what an open set tells apart.

Usage: python benchmarks/open_set.py FOLDER OUTPUT --checkpoint PATH [--network yamnet]

FOLDER is laid out as Speech Commands is: a folder a word, with the speaker before `_nohash_` in
every name, and `_background_noise_` with recordings. The first three words in the order of the
seeded shuffle are unknown. Two whole runs of the pipeline, in folders of OUTPUT, which may be run
again: in `unheard`, nothing unknown is heard before the test; in `heard`, one unknown word and one
recording of noise teach all classes no, one of each helps to choose the threshold, and one of each
is left for the test. Speakers are in one split; noise becomes clips of one second.

Prints Markdown rows by run and by what is unknown: the area under the ROC curve (AUROC, with its
95% interval) of a low highest score, of the unfamiliarity, and of a baseline without this project's
heads, twenty lines: the maximum softmax score of a logistic regression on the mean features
(Hendrycks and Gimpel 2017, arXiv:1610.02136), which is trained on the known words alone; then the
false alarms an hour at the run's threshold; and in the end the share of the known words that are
recognised. It uses the pushed model's predictions.
"""

import argparse
import csv
import hashlib
import random
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import yaml
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from components.report.open_set import Auroc, auroc, false_alarms
from trainer.clips.embedded_clips import load_embedded_clips
from vggish.networks.layer_taps import feature_size

NOISE = "_background_noise_"
UNKNOWN = "unknown"
UNKNOWN_WORDS = 3
RUNS = ("unheard", "heard")
_RUN = "from pipeline.cli.main import main; main()"
_SPLITS = ("train", "eval", "test")


def split_of_speaker(path: Path) -> str:
    """Returns train, eval or test of a word's file: 60, 15 and 25% of the speakers."""
    speaker = path.name.partition("_nohash_")[0]
    share = int(hashlib.sha256(speaker.encode()).hexdigest(), 16) % 100
    return "train" if share < 60 else "eval" if share < 75 else "test"


def unknown_words(folder: Path, seed: int) -> list[str]:
    """Returns the words that are unknown: for training, for the threshold, for the test."""
    words = sorted(path.name for path in folder.iterdir() if path.is_dir() and path.name != NOISE)
    return random.Random(seed).sample(words, UNKNOWN_WORDS)  # noqa: S311  No secret.


def write_table(folder: Path, unknown: list[str], table: Path, *, heard: bool) -> None:
    """Writes the files of a run, with their labels, groups and splits."""
    recordings = sorted(path.name for path in (folder / NOISE).glob("*.wav"))
    rows = [["path", "labels", "group", "split"]]
    for path in sorted(folder.glob("*/*.wav")):
        word, label, split, group = path.parent.name, UNKNOWN, "test", path.stem
        if word in unknown or word == NOISE:
            order = recordings.index(path.name) if word == NOISE else unknown.index(word)
            split = _SPLITS[order % len(_SPLITS)] if heard else "test"
        else:
            label, split = word, split_of_speaker(path)
        if word != NOISE:
            if split != split_of_speaker(path):
                continue
            group = path.name.partition("_nohash_")[0]
        rows.append([str(path.relative_to(folder)), label, group, split])
    table.parent.mkdir(parents=True, exist_ok=True)
    with table.open("w", newline="") as file:
        csv.writer(file).writerows(rows)


def run_pipeline(run: str, args: argparse.Namespace, unknown: list[str]) -> Path:
    """Runs the pipeline, and returns the predictions of its test split."""
    folder = args.output / run
    write_table(args.folder, unknown, folder / "clips.csv", heard=run == "heard")
    config = {
        "source": {
            "kind": "manifest",
            "root": str(args.folder),
            "tables": [{"file": str(folder / "clips.csv")}],
            "background": [UNKNOWN],
        },
        "split": {"kind": "column"},
        "ingest": {"max_seconds": 1, "long": "split", "duplicates": "keep"},
        "features": {
            "network": args.network,
            "checkpoint": str(args.checkpoint),
            "cache": str(args.output / "features"),
        },
        "model": {"task": "open_set"},
        "report": {"sounds": False},
    }
    (folder / "job.yaml").write_text(yaml.safe_dump(config))
    command = ["run", str(folder / "job.yaml"), f"--output={folder / 'run'}"]
    with (folder / "run.txt").open("w") as screen:
        subprocess.run([sys.executable, "-c", _RUN, *command], check=True, stdout=screen)
    return folder / "run" / "test_predictions.parquet"


def softmax_baseline(args: argparse.Namespace, run: str, words: list[str]) -> dict[str, float]:
    """Returns the maximum softmax score of every test clip, by its id."""
    exported = args.output / run / "run" / "pipeline" / "EmbeddingExporter" / "embeddings"
    newest = max(exported.iterdir(), key=lambda execution: int(execution.name))
    size = feature_size("fusion", args.network)
    train, test = (
        load_embedded_clips([f"{newest}/Split-{split}/*"], size, len(words), multi_label=True)
        for split in ("train", "test")
    )
    known = train.targets.any(axis=1)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.001, max_iter=300))
    model.fit(train.features[known.nonzero()[0]], train.targets[known].argmax(axis=1))
    highest = model.predict_proba(test.features[:]).max(axis=1)
    names = [name.decode() for name in test.clip_ids]
    return dict(zip(names, highest.tolist(), strict=True))


def show(found: Auroc) -> str:
    """Writes an area and its interval."""
    interval = found["interval"]
    bounds = "" if interval is None else f" ({interval[0]:.3f}-{interval[1]:.3f})"
    return f"{found['value']:.3f}{bounds}"


def main() -> None:
    """Runs the pipeline twice, and prints the rows."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--network", default="yamnet")
    parser.add_argument("--seed", type=int, default=0, help="decides which words are unknown")
    args = parser.parse_args()
    unknown = unknown_words(args.folder, args.seed)
    print(f"Unknown: {', '.join(unknown)}\n")
    print(
        "| run | unknown | clips | low score | unfamiliarity | softmax baseline | alarms an hour |"
    )
    print("|---|---|---|---|---|---|---|")
    for run in RUNS:
        clips = pq.read_table(run_pipeline(run, args, unknown)).to_pandas()
        words = [name.removeprefix("score_") for name in clips if name.startswith("score_")]
        clips["score"] = -clips[[f"score_{word}" for word in words]].max(axis=1)
        clips["baseline"] = -clips.fname.map(softmax_baseline(args, run, words))
        is_known = clips.true.notna()
        is_noise = clips.fname.str.startswith(NOISE)
        for kind, chosen in (("words", ~is_known & ~is_noise), ("noise", ~is_known & is_noise)):
            areas = [
                show(auroc(clips[column][is_known].to_numpy(), clips[column][chosen].to_numpy()))
                for column in ("score", "unfamiliarity", "baseline")
            ]
            some = clips[chosen]
            alarms = false_alarms(int(some.predicted.notna().sum()), some.seconds.to_numpy())
            low, high = alarms["interval"]
            rate = f"{alarms['per_hour']:.0f} ({low:.0f}-{high:.0f}): {alarms['clips']}"
            print(f"| {run} | {kind} | {len(some)} | {' | '.join(areas)} | {rate} |", flush=True)
        right = (clips.predicted == clips.true)[is_known]
        print(f"| {run} | recognised | {right.mean():.3f} of {len(right)} | | | | |", flush=True)


if __name__ == "__main__":
    main()
