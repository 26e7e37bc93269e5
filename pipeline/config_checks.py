"""What can be said of a configuration before anything starts."""

from components.audio_example_gen.sources import list_source
from schema.config.beam_settings import BeamSettings
from schema.config.config import Config
from schema.config.source_settings import SourceSettings
from vggish.errors import ConfigError


def check(config: Config) -> Config:
    """Checks what can be checked on this machine, and decides what is left to the data.

    Args:
        config: The configuration.

    Returns:
        The configuration with every model's `task` decided.

    Raises:
        ConfigError: No checkpoint is named, the models do not suit the source or each other, or
            Beam's workers could not see the run's folder.
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


def check_unseen(config: Config) -> Config:
    """Checks a configuration of which only another machine has the data.

    Args:
        config: The configuration.

    Returns:
        The configuration with every model's `task` decided.

    Raises:
        ConfigError: The models do not suit the source or each other, or only the data could tell
            whether clips have several labels.
    """
    _check_models(config)
    several = _several_labels(config.source)
    if several is None and any(model.task == "auto" for model in config.model):
        raise ConfigError(
            "Whether clips have several labels only the data can tell, which is elsewhere; set "
            "model.task to single_label or multi_label."
        )
    return _decide_tasks(config, several=bool(several))


def _check_workers(beam: BeamSettings) -> None:
    """Refuses workers that could not see the folder of a run on this machine."""
    section = {"flink": beam.flink, "spark": beam.spark}.get(beam.runner)
    if beam.runner == "dataflow":
        blind = "Dataflow's workers (beam.runner)"
    elif section and section.worker.kind == "docker":
        blind = f"Workers in containers (beam.{beam.runner}.worker.kind)"
    else:
        return
    raise ConfigError(
        f"{blind} cannot see a run's folder on this machine; choose other ones, or start the "
        "pipeline elsewhere, with `vggish-tfx compile` and a --root in object storage."
    )


def _check_models(config: Config) -> None:
    embedded = config.source.kind == "audioset_embeddings"
    if embedded and config.features.pca_params is None:
        raise ConfigError(
            "AudioSet's embeddings were made with a PCA that the served model must know; pass "
            "--set features.pca_params=PATH of vggish_pca_params.npz, or `download`."
        )
    if embedded or config.features.pca_params:
        for model in config.model:
            if model.features != "embedding":
                raise ConfigError(
                    f"The released PCA is of the embedding, not of {model.features!r}; set "
                    "model.features to embedding."
                )
            if model.head == "warm_start":
                raise ConfigError(
                    "The head warm_start learns from sound, and cannot learn through the released "
                    "PCA; choose another model.head, or leave features.pca_params out."
                )


def _several_labels(source: SourceSettings) -> bool | None:
    """Tells whether clips may have several labels; None where only reading the data tells."""
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
