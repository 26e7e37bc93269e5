"""The task of every model, which the source, its data or the configuration decides."""

from schema.config.config import Config
from schema.config.source_settings import SourceSettings
from vggish.errors import ConfigError


def several_labels(source: SourceSettings) -> bool | None:
    """Returns whether clips may have several labels; None if only the data can tell."""
    if source.kind == "audioset_embeddings":
        return True
    if source.kind == "annotations":
        return not source.annotations.one_label
    # In a table of embeddings, a column of lists may hold several, too.
    may_be = source.kind == "embeddings" or any(table.label_separator for table in source.tables)
    return None if may_be else False


def decide_tasks(config: Config, *, several: bool) -> Config:
    """Decides the task of the models that have `auto`.

    Args:
        config: The configuration.
        several: Whether clips may have several labels.

    Returns:
        The configuration with every model's `task` decided.

    Raises:
        ConfigError: The tasks differ, or do not fit other sections.
    """
    background = bool(config.source.background)
    found = "multi_label" if several else "open_set" if background else "single_label"
    models = tuple(
        model.model_copy(update={"task": found}) if model.task == "auto" else model
        for model in config.model
    )
    if len({model.task for model in models}) > 1:
        raise ConfigError(
            "Models of different tasks cannot be compared; give all of them the same model.task."
        )
    if config.evaluate.target_precision is not None and models[0].task == "single_label":
        raise ConfigError(
            "evaluate.target_precision chooses thresholds, but of clips with one label the highest "
            "score decides; set model.task to multi_label or open_set, or leave it out."
        )
    if background and models[0].task == "single_label":
        raise ConfigError(
            "source.background has clips without a label, but model.task is single_label; set it "
            "to open_set."
        )
    if several and models[0].task == "open_set":
        raise ConfigError(
            "model.task is open_set, which gives a clip one label or none, but clips have several; "
            "set it to multi_label."
        )
    return config.model_copy(update={"model": models})
