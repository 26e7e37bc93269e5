"""Which model a candidate is compared with."""

import ml_metadata as mlmd
from tfx.dsl.components.common.resolver import ResolverStrategy
from tfx.types.artifact import Artifact

from components.model_selector.executor import BLESSED_PROPERTY, TRAINED_MODEL_PROPERTY


class LatestChosenModelStrategy(ResolverStrategy):
    """Resolves the latest model that was chosen and blessed, thus pushed, in an earlier run.

    A model need not be better than itself or its rivals; and since the candidates are left out, the
    same run again finds the same baseline, so that the Evaluator's cached results stand.

    The Resolver's channels are `model`, of all models there are, and one for each candidate.
    """

    def resolve_artifacts(
        self, store: mlmd.MetadataStore, input_dict: dict[str, list[Artifact]]
    ) -> dict[str, list[Artifact]]:
        """Called by TFX; returns at most one model, and the candidates."""
        del store
        candidates = {key: models for key, models in input_dict.items() if key != "model"}
        rivals = {model.uri for models in candidates.values() for model in models}
        chosen = [
            model
            for model in input_dict["model"]
            if model.get_int_custom_property(BLESSED_PROPERTY)
            and model.get_string_custom_property(TRAINED_MODEL_PROPERTY) not in rivals
        ]
        chosen.sort(key=lambda model: model.id)
        return {**candidates, "model": chosen[-1:]}
