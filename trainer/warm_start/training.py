"""The `run_fn` that trains a network together with a head, on clips of sound."""

import logging
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tfx.components.trainer.fn_args_utils import FnArgs

from schema.imported_weights import ImportedWeights, read_imported_weights
from trainer.fitting.keras_fitting import FitOptions, FitResult, fit_model
from trainer.fitting.objective import build_objective
from trainer.fitting.split_metrics import count_parameters
from trainer.fitting.trained_model import ScoredSplit, TrainedModel, write_trained_model
from trainer.fitting.training_job import TrainingJob, read_training_job
from trainer.heads.dense import build_frozen_head
from trainer.heads.pooling import PooledHead
from trainer.warm_start.previous_model import PreviousModel
from trainer.warm_start.sound_clips import (
    SoundClips,
    read_noise,
    sound_eval_batches,
    sound_train_batches,
)
from trainer.warm_start.whole_network import (
    WholeNetwork,
    features_before_training,
    freeze_layers,
    rate_scale,
)
from trainer.workers.run_on_workers import on_workers
from trainer.workers.strategy import own_share
from vggish.networks.layer_taps import build_features
from vggish.networks.network_table import find_network


@on_workers
def run_fn(fn_args: FnArgs, strategy: tf.distribute.Strategy) -> None:
    """Trains the whole network and exports it.

    Args:
        fn_args: Arguments from TFX; see `read_training_job`. `base_model` holds the initial
            weights, `train_files` and `eval_files` hold clip examples. `custom_config` also has
            `noise_files`, patterns of clip examples of noise; `previous_model`, a SavedModel to
            continue from, or None; `backup_folder`, from which an interrupted training resumes.
        strategy: Strategy of the training; see `on_workers`.
    """
    job = read_training_job(fn_args)
    clips = {
        split: SoundClips(files, job.classes, job.features.front_end, multi_label=job.multi_label)
        for split, files in (("train", fn_args.train_files), ("eval", fn_args.eval_files))
    }
    keras.utils.set_random_seed(job.train.seed)
    weights = read_imported_weights(fn_args.base_model)
    with strategy.scope():
        writes = own_share().writes
        model, started_from = _build(job, weights, clips["train"], fn_args.custom_config)
        course = _fit(job, model, clips, fn_args)
    if not writes:
        return
    served = _as_served(model, job)
    write_trained_model(
        fn_args,
        job,
        TrainedModel(
            network=served.network,
            head=PooledHead(served.head, job.model.pooling),
            parameters=served.count_params(),
            trainable_parameters=count_parameters(model.trainable_weights),
            origin=weights.origin,
            splits={
                name: ScoredSplit(
                    split.clip_ids,
                    split.targets if job.multi_label else split.targets.argmax(axis=1),
                    _score(served, split, job.train.batch_size),
                )
                for name, split in clips.items()
            },
            history=course.history,
            rate_finder=course.rate_finder,
            card={"started_from": started_from},
        ),
    )


def _build(
    job: TrainingJob, weights: ImportedWeights, train_clips: SoundClips, inputs: dict[str, Any]
) -> tuple[WholeNetwork, dict[str, Any]]:
    """Builds the untrained model; returns it with the model card's entry on its origin."""
    settings = job.model.warm_start
    network = weights.build_features(job.model.features, settings.compute)
    folder = inputs["previous_model"] if settings.start == "last_blessed" else None
    previous = PreviousModel(folder) if folder else None
    if previous is not None and previous.network != job.features.network:
        logging.warning("%s has the network %s; training starts anew.", folder, previous.network)
        previous = None
    elif settings.start == "last_blessed" and previous is None:
        logging.warning("There is no blessed model yet; training starts from the checkpoint.")
    layers = previous.restore_network(network) if previous else []
    freeze_layers(network, settings, find_network(job.features.network))
    batches = sound_eval_batches(train_clips, job.train.batch_size)
    features = features_before_training(network, batches, job.model.pooling)
    head = build_frozen_head(job.model, len(job.classes), features)
    if previous is None:
        return WholeNetwork(network, head, job.model.pooling), {"start": "checkpoint"}
    known = previous.restore_head(head, job.classes)
    if known is None:
        logging.warning(
            "The head of %s has another structure, so training starts with its network (%s) and a "
            "new head.",
            folder,
            ", ".join(layers),
        )
    return WholeNetwork(network, head, job.model.pooling), {
        "start": "last_blessed",
        "model": folder,
        "layers": layers,
        "classes": known,
    }


def _fit(
    job: TrainingJob, model: WholeNetwork, clips: dict[str, SoundClips], fn_args: FnArgs
) -> FitResult:
    settings, train, inputs = job.model.warm_start, job.train, fn_args.custom_config
    noise = read_noise(inputs["noise_files"])
    return fit_model(
        model,
        sound_train_batches(clips["train"], settings, noise, train.batch_size, train.seed),
        sound_eval_batches(clips["eval"], train.batch_size, own_share()),
        train,
        build_objective(train, clips["train"].targets, multi_label=job.multi_label),
        FitOptions(
            rate_scale=lambda path: rate_scale(settings, find_network(job.features.network), path),
            log_folder=fn_args.model_run_dir,
            backup_folder=inputs["backup_folder"],
        ),
    )


def _as_served(model: WholeNetwork, job: TrainingJob) -> WholeNetwork:
    """Returns the model in float32, in which every served model computes."""
    network = build_features(job.model.features, None, network=job.features.network)
    network.set_weights(model.network.get_weights())
    return WholeNetwork(network, model.head, model.pooling)


def _score(model: WholeNetwork, clips: SoundClips, batch_size: int) -> np.ndarray:
    """Scores complete, unaugmented clips, float32 [clips, classes]."""
    score = tf.function(lambda inputs: model(inputs, training=False), reduce_retracing=True)
    batches = sound_eval_batches(clips, batch_size)
    return np.concatenate([score(inputs).numpy() for inputs, _ in batches])
