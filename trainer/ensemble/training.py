"""The `run_fn` that combines models of a run to one."""

import numpy as np
from tfx.components.trainer.fn_args_utils import FnArgs

from schema.imported_weights import read_imported_weights
from trainer.clips.clip_batches import one_hot
from trainer.clips.embedded_clips import load_targets
from trainer.ensemble.combination import Combination, fit_combination
from trainer.ensemble.members import EnsembleHead, Member, read_member
from trainer.fitting.frozen_head import feature_size_of, keep_statistics
from trainer.fitting.trained_model import ScoredSplit, TrainedModel, write_trained_model
from trainer.fitting.training_job import TrainingJob, read_training_job


def run_fn(fn_args: FnArgs) -> None:
    """Combines the scores of the members, joins their heads to one network, and exports all.

    Nothing is scored again: the members' Trainers kept their scores of the train and eval clips.

    Args:
        fn_args: Arguments from TFX; see `read_training_job`. `base_model` holds the weights. In
            `custom_config`, `members` has the arguments of `read_member` by name.
    """
    job = read_training_job(fn_args)
    folders = fn_args.custom_config["members"]
    members = [read_member(name, **folders[name]) for name in job.model.ensemble.members]
    files = {"train": fn_args.train_files, "eval": fn_args.eval_files}
    combination, splits = combine_scores(job, members, files)
    taps = list(dict.fromkeys(member.card["features"] for member in members))
    weights = read_imported_weights(fn_args.base_model)
    network = weights.build_joined_features(taps)
    head = EnsembleHead(members, _places(job, members, taps), combination)
    write_trained_model(
        fn_args,
        job,
        TrainedModel(
            network=network,
            head=head,
            parameters=(network.count_params() if network else 0)
            + sum(member.parameters for member in members),
            trainable_parameters=sum(m.card["trainable_parameters"] for m in members),
            origin=weights.origin,
            splits=splits,
            unfamiliarity=head.unfamiliarity if job.model.task == "open_set" else None,
            card=_card(members, taps, combination),
        ),
    )
    if len(taps) == 1:
        keep_statistics(fn_args, feature_size_of(job, taps[0]))


def combine_scores(
    job: TrainingJob, members: list[Member], files: dict[str, list[str]]
) -> tuple[Combination, dict[str, ScoredSplit]]:
    """Fits the combination to the eval clips, and scores the clips with it.

    Args:
        job: The training job.
        members: The members.
        files: The Parquet files of the splits `train` and `eval`.

    Returns:
        The combination, and the splits.
    """
    targets = {
        split: load_targets(patterns, len(job.classes), multi_label=job.multi_label)
        for split, patterns in files.items()
    }
    scores = {
        split: [member.scores_of(split, clip_ids) for member in members]
        for split, (clip_ids, _) in targets.items()
    }
    combination = fit_combination(
        job.model.ensemble.combine,
        one_hot(targets["eval"][1], len(job.classes)) > 0,
        scores["eval"],
        multi_label=job.multi_label,
    )
    return combination, {
        split: ScoredSplit(*targets[split], combination(scores[split]).numpy()) for split in files
    }


def _places(job: TrainingJob, members: list[Member], taps: list[str]) -> list[tuple[int, int]]:
    """Returns where the features of each member are, in those of all taps."""
    sizes = [feature_size_of(job, tap) for tap in taps]
    ends = dict(zip(taps, np.cumsum(sizes).tolist(), strict=True))
    begins = {tap: end - size for (tap, end), size in zip(ends.items(), sizes, strict=True)}
    return [(begins[m.card["features"]], ends[m.card["features"]]) for m in members]


def _card(members: list[Member], taps: list[str], combination: Combination) -> dict[str, object]:
    return {
        "features": ", ".join(taps),
        "ensemble": {
            "combine": combination.combine,
            "offset": combination.offset,
            "members": [
                {key: member.card[key] for key in ("name", "head", "features")} | {"weight": weight}
                for member, weight in zip(members, combination.weights, strict=True)
            ],
        },
    }
