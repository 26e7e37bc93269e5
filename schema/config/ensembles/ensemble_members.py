"""Which models an ensemble may name as its members."""

from collections.abc import Mapping

from schema.config.model_settings import ModelSettings

TUNED = "tuned"
"""Name of the model that `tune` finds."""

_OF_MEMBERS = ("hidden", "dropout", "pooling", "train")
"""Keys of a model that an ensemble leaves to its members."""


def with_features_of_members(models: tuple[ModelSettings, ...]) -> tuple[ModelSettings, ...]:
    """Checks the ensembles of a run, and gives each the features of its first member.

    Args:
        models: The models of the run.

    Returns:
        The models.

    Raises:
        ValueError: An ensemble has fewer than two members, or one that cannot be a member; or it
            has settings of its own that mean nothing.
    """
    known = {model.title: model for model in models}
    # The search starts from this model, and adds its result to the run.
    if first := next((model for model in models if model.on_features), None):
        known.setdefault(TUNED, first)
    return tuple(
        _completed(model, known) if model.head == "ensemble" else model for model in models
    )


def _completed(ensemble: ModelSettings, known: Mapping[str, ModelSettings]) -> ModelSettings:
    members = ensemble.ensemble.members
    if len(members) < 2 or len(set(members)) < len(members):
        raise ValueError(
            f"the ensemble {ensemble.title!r} has the members {', '.join(members) or 'none'}; name "
            "two or more different models of the run in ensemble.members"
        )
    for name in members:
        if name not in known:
            others = (title for title in known if title not in (ensemble.title, TUNED))
            raise ValueError(
                f"the ensemble {ensemble.title!r} has the member {name!r}, which is no model of "
                f"the run; name some of {', '.join(others)}"
            )
        if not known[name].on_features:
            raise ValueError(
                f"the ensemble {ensemble.title!r} has the member {name!r}, whose head is "
                f"{known[name].head}; only heads on cached features can be members"
            )
    for key in _OF_MEMBERS:
        if getattr(ensemble, key) != ModelSettings.model_fields[key].get_default():
            raise ValueError(
                f"{key!r} of the ensemble {ensemble.title!r} means nothing; set it in its members"
            )
    features = known[members[0]].features
    if "features" in ensemble.model_fields_set and ensemble.features != features:
        raise ValueError(
            f"'features' of the ensemble {ensemble.title!r} means nothing, since its members have "
            "their own; leave it out"
        )
    return ensemble.model_copy(update={"features": features})
