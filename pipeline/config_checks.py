"""Checks of a configuration before a run starts."""

import glob
import os
from pathlib import Path
from typing import Any

from components.audio_example_gen.sources import list_source
from components.audio_example_gen.sources.embedding_tables.clip_listing import read_size
from components.audio_example_gen.sources.handed_listing import hand_on
from components.audio_example_gen.splits.class_coverage import check_listing
from components.batch_predictor.recordings import list_recordings
from components.file_trees.data_root import open_tree
from pipeline.fold_checks import check_folds
from pipeline.model_tasks import decide_tasks, several_labels
from schema.config.beam_settings import BeamSettings
from schema.config.config import Config
from schema.config.model_settings import FeatureSettings
from schema.config.settings import Settings
from schema.config.source_settings import SourceSettings
from schema.config.split_settings import SPLITS
from vggish import output_files
from vggish.errors import CheckpointError, ConfigError
from vggish.networks.layer_taps import feature_size

# The source expands those below its root by itself.
_PATHS = (
    "source.root",
    "features.checkpoint",
    "features.pca_params",
    "features.cache",
    "predict.recordings",
    "push.folder",
    "beam.flink.job_server",
    "beam.flink.worker.command",
    "beam.spark.job_server",
    "beam.spark.worker.command",
)
"""The keys whose values may begin with `~`, this machine's home folder."""

_KEYWORDS = (None, "download", "random")
"""Values of `features.checkpoint` and `features.pca_params` that are no paths."""


def check_config(config: Config) -> Config:
    """Checks a configuration and its data, and decides the task of every model.

    Of embeddings without sound, the features cannot be computed again: what is checked is that the
    network and layer that the configuration names have features of the tables' size.

    Args:
        config: The configuration.

    Returns:
        The configuration with every model's `task` and the size of embeddings decided, and no `~`
        in any path.

    Raises:
        ConfigError: No checkpoint is named, the models do not fit the source or each other, the
            source lacks folds, or Beam's workers cannot see the run's folder.
        CheckpointError: There is no file at the path of the checkpoint or the PCA parameters.
        DataSetError: The source has no sounds to learn from, a class lacks sounds of a split, or
            there are no recordings where `predict` says.
    """
    config = _without_tilde(config)
    if config.features.checkpoint is None and config.network is not None:
        raise ConfigError(
            "No checkpoint is named; pass --checkpoint with the path of the network's weights, "
            "such as vggish_model.ckpt, `download` for the released ones, or `random` to try the "
            "pipeline without them."
        )
    _check_models(config)
    _check_workers(config.beam)
    _check_files(config.features)
    _check_cache(config)
    if config.predict.recordings is not None:
        list_recordings(config.predict.recordings)
    if config.source.kind == "embeddings":
        size = read_size(config.source, open_tree(config.source.root))
        config = _decide_size(config, size)
    listing = list_source(config.source, config.split)
    check_listing(listing, config.split)
    check_folds(config.evaluate, listing)
    hand_on("driver", config.source, config.split, listing)
    several = several_labels(config.source)
    if several is None:
        several = any(len(file.labels) > 1 for file in listing.files)
    return decide_tasks(config, several=several)


def _without_tilde(config: Config) -> Config:
    """Replaces `~` in every path by the home folder."""

    def expanded(settings: Any, keys: list[str]) -> Any:
        if isinstance(settings, str):
            return os.path.expanduser(settings)
        if not isinstance(settings, Settings):
            return settings
        inner = expanded(getattr(settings, keys[0]), keys[1:])
        return settings.model_copy(update={keys[0]: inner})

    for path in _PATHS:
        config = expanded(config, path.split("."))
    return config


def _check_files(features: FeatureSettings) -> None:
    """Refuses paths on this machine's disk that lead nowhere; TensorFlow, not yet loaded, reads."""
    for key, path in (("checkpoint", features.checkpoint), ("pca_params", features.pca_params)):
        if path in _KEYWORDS or "://" in path:
            continue
        # A checkpoint's path may be a SavedModel, or the prefix of several files' names.
        files = [*glob.glob(f"{glob.escape(path)}*"), os.path.join(path, "saved_model.pb")]
        if not any(map(os.path.isfile, files)):
            raise CheckpointError(
                f"There is no file at features.{key}, {path}; correct the path, or set `download`."
            )


def _check_cache(config: Config) -> None:
    """Refuses a folder for embeddings that cannot be written, or where a listing would find it."""
    cache = config.features.cache
    if cache is None or "://" in cache:
        return
    if _is_below(config.source, Path(cache)):
        raise ConfigError(
            f"features.cache, {cache}, is inside the data root; choose a folder outside of it."
        )
    output_files.check_output(os.path.join(cache, "embeddings"))


def check_config_without_data(config: Config) -> Config:
    """Checks a configuration whose data is on another machine.

    Args:
        config: The configuration.

    Returns:
        The configuration with every model's `task` decided.

    Raises:
        ConfigError: The models do not fit the source or each other, or the task of a model depends
            on the data.
    """
    _check_models(config)
    if (config.features.pca_params or "").startswith("~"):
        raise ConfigError(
            f"The cluster does not see features.pca_params, {config.features.pca_params}, in this "
            "machine's home folder; give a path that it sees, or `download`."
        )
    if config.source.kind == "embeddings":
        config = _decide_size(config, config.source.size)
    several = several_labels(config.source)
    if several is None and any(model.task == "auto" for model in config.model):
        raise ConfigError(
            "The task of a model depends on the data, which is on another machine; set model.task "
            "to single_label, multi_label or open_set."
        )
    return decide_tasks(config, several=bool(several))


def check_output(source: SourceSettings, output: Path) -> None:
    """Refuses an output folder among the sounds, where the next run would find its files.

    Args:
        source: The source.
        output: The output folder.

    Raises:
        ConfigError: The output folder is the data root, or inside it.
    """
    # Tables are named, so those of a run in the same folder are not taken for them.
    if source.kind != "embeddings" and _is_below(source, output):
        raise ConfigError(
            f"The output folder {_resolved(output)} is inside the data root "
            f"{_resolved(source.root)}; choose another with --output."
        )


def _is_below(source: SourceSettings, folder: Path) -> bool:
    """Tells whether a folder of this machine is the data root, or inside it."""
    return "://" not in source.root and _resolved(folder).is_relative_to(_resolved(source.root))


def _resolved(path: str | Path) -> Path:
    return Path(os.path.realpath(os.path.expanduser(path)))


def warnings_of_local_paths(config: Config) -> list[str]:
    """Says which paths are on this machine, for a job whose root is an address.

    Paths in the home folder (`~`) are left out: a cluster's run has to name them anyway. So are
    paths below the data root.

    Args:
        config: The configuration.

    Returns:
        A sentence for each path.
    """
    places = {
        "source.root": config.source.root,
        "features.checkpoint": config.features.checkpoint,
        "features.cache": config.features.cache,
        "push.folder": config.push.folder,
        "predict.recordings": config.predict.recordings,
    }
    found = {
        key: path
        for key, path in places.items()
        if path not in _KEYWORDS and "://" not in path and not path.startswith("~")
    }
    below_root = {
        "features.pca_params": config.features.pca_params,
        "source.class_names": config.source.class_names,
        **{f"split.{name}_list": getattr(config.split, f"{name}_list") for name in SPLITS},
        **{f"source.tables.{i}.file": table.file for i, table in enumerate(config.source.tables)},
    }
    found |= {key: path for key, path in below_root.items() if path and os.path.isabs(path)}
    return [
        f"{key} is {path}, on this machine, but the root is an address; a cluster sees it only if "
        "this disk is mounted there."
        for key, path in found.items()
    ]


def _check_workers(beam: BeamSettings) -> None:
    """Refuses workers that cannot see the folder of a run on this machine."""
    section = {"flink": beam.flink, "spark": beam.spark}.get(beam.runner)
    if beam.runner == "dataflow":
        blind = "Dataflow's workers (beam.runner)"
    elif section and section.worker.kind == "docker":
        blind = f"Workers in containers (beam.{beam.runner}.worker.kind)"
    else:
        return
    raise ConfigError(
        f"{blind} cannot see a run's folder on this machine; choose others, or run the pipeline "
        "on a cluster, with `vggish-tfx compile` and a --root in object storage."
    )


def _decide_size(config: Config, size: int | None) -> Config:
    """Decides the size of embeddings: as the tables have it and, if it is known, the network."""
    source = config.source
    if config.network is not None:
        for model in config.model:
            made = feature_size(model.features, config.network)
            if size not in (None, made):
                raise ConfigError(
                    f"The embeddings have {size} numbers, but {model.features!r} of "
                    f"{config.network} has {made}; correct source.network or model.features."
                )
            size = made
    if size is None:
        raise ConfigError(
            "The tables of embeddings are on another machine; set source.size to the numbers of an "
            "embedding, or source.network to the network that made them."
        )
    if source.size not in (None, size):
        raise ConfigError(
            f"The embeddings have {size} numbers, but source.size is {source.size}; correct it, or "
            "leave it out."
        )
    return config.model_copy(update={"source": source.model_copy(update={"size": size})})


def _check_embeddings(config: Config) -> None:
    """Refuses what embeddings without sound cannot give."""
    for model in config.model:
        if model.head == "warm_start":
            raise ConfigError(
                "The head warm_start learns from sound, but source.kind is embeddings; choose "
                "another model.head."
            )
        if config.network is None and model.features != "embedding":
            raise ConfigError(
                f"model.features is {model.features!r}, but the network that made the embeddings "
                "is not known; leave it out, or set source.network and features.checkpoint."
            )
    if config.network is None:
        for key in ("checkpoint", "pca_params"):
            if getattr(config.features, key) is not None:
                raise ConfigError(
                    f"features.{key} means nothing for embeddings of an unknown network; set "
                    "source.network to the network that made them, or leave it out."
                )
    elif config.network != config.features.network:
        raise ConfigError(
            f"source.network is {config.source.network}, but features.network is "
            f"{config.features.network}; leave out features.network."
        )


def _check_models(config: Config) -> None:
    if config.features.cache and config.embedding_size:
        raise ConfigError(
            "features.cache keeps what the network computes of sound, but the source has "
            "embeddings; leave it out."
        )
    if config.source.kind == "embeddings":
        _check_embeddings(config)
    if config.source.kind == "annotations" and not config.source.annotations.one_label:
        for model in config.model:
            if model.task == "single_label":
                raise ConfigError(
                    "model.task is single_label, but windows of annotated recordings have any "
                    "number of labels; set source.annotations.one_label to true."
                )
    embedded = config.source.kind == "audioset_embeddings"
    if embedded and config.features.pca_params is None:
        raise ConfigError(
            "The served model needs the PCA of AudioSet's embeddings; pass "
            "--set features.pca_params=PATH of vggish_pca_params.npz, or `download`."
        )
    if (embedded or config.features.pca_params) and config.features.network != "vggish":
        raise ConfigError(
            f"The released PCA is for VGGish's embedding, not for {config.features.network}; set "
            "features.network to vggish."
        )
    if embedded or config.features.pca_params:
        for model in config.model:
            if model.features != "embedding":
                raise ConfigError(
                    f"The released PCA is for the embedding, not for {model.features!r}; set "
                    "model.features to embedding."
                )
            if model.head == "warm_start":
                raise ConfigError(
                    "The head warm_start learns from sound, and cannot learn through the released "
                    "PCA; choose another model.head, or remove features.pca_params."
                )
