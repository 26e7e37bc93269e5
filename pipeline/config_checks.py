"""Checks of a configuration before a run starts."""

from components.audio_example_gen.sources import list_source
from schema.config.beam_settings import BeamSettings
from schema.config.config import Config
from schema.config.source_settings import SourceSettings
from vggish.errors import ConfigError


def check_config(config: Config) -> Config:
    """Checks a configuration and its data, and decides the task of every model.

    Args:
        config: The configuration.

    Returns:
        The configuration with every model's `task` decided.

    Raises:
        ConfigError: No checkpoint is named, the models do not fit the source or each other, or
            Beam's workers cannot see the run's folder.
        DataSetError: The source has no sounds to learn from.
    """
    if config.features.checkpoint is None:
        raise ConfigError(
            "No VGGish checkpoint is named; pass --checkpoint with the path of vggish_model.ckpt, "
            "`download` for the released one, or `random` to try the pipeline without it."
        )
    _check_models(config)
    _check_workers(config.beam)
    listing = list_source(config.source, config.split)
    several = _several_labels(config.source)
    if several is None:
        several = any(len(file.labels) > 1 for file in listing.files)
    return _decide_tasks(config, several=several)


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
    several = _several_labels(config.source)
    if several is None and any(model.task == "auto" for model in config.model):
        raise ConfigError(
            "The task of a model depends on the data, which is on another machine; set model.task "
            "to single_label or multi_label."
        )
    return _decide_tasks(config, several=bool(several))


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


def _check_models(config: Config) -> None:
    embedded = config.source.kind == "audioset_embeddings"
    if embedded and config.features.pca_params is None:
        raise ConfigError(
            "The served model needs the PCA of AudioSet's embeddings; pass "
            "--set features.pca_params=PATH of vggish_pca_params.npz, or `download`."
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


def _several_labels(source: SourceSettings) -> bool | None:
    """Returns whether clips may have several labels; None if only the data can tell."""
    if source.kind == "audioset_embeddings":
        return True
    separated = any(table.label_separator for table in source.tables)
    return None if separated else False


def _decide_tasks(config: Config, *, several: bool) -> Config:
    found = "multi_label" if several else "single_label"
    models = tuple(
        model.model_copy(update={"task": found}) if model.task == "auto" else model
        for model in config.model
    )
    if len({model.task for model in models}) > 1:
        raise ConfigError(
            "Models of different tasks cannot be compared; give all of them the same model.task."
        )
    return config.model_copy(update={"model": models})
