"""Checks of the folds of a cross-validation before a run starts."""

from components.audio_example_gen.sources.listing import Listing
from schema.config.delivery_settings import ALL_FOLDS, EvaluateSettings
from vggish.errors import ConfigError


def check_folds(settings: EvaluateSettings, listing: Listing) -> None:
    """Refuses a cross-validation over folds that the source does not give.

    Args:
        settings: The number of folds, or `all`.
        listing: Listing of the source.

    Raises:
        ConfigError: A clip has no fold, or all have the same.
    """
    if settings.folds != ALL_FOLDS:
        return
    clips = [file for file in listing.files if not file.refused and file.split is not None]
    without = next((file.clip_id for file in clips if file.is_labelled and not file.fold), None)
    folds = {file.fold for file in clips if file.fold}
    if len(folds) < 2:
        raise ConfigError(
            f"evaluate.folds is all, but the source gives {len(folds) or 'no'} "
            f"fold{'' if len(folds) == 1 else 's'}; set it to a number of folds, or name the "
            "folds by source.tables.fold or source.fold_pattern."
        )
    if without:
        raise ConfigError(
            f"evaluate.folds is all, but the source gives {without} no fold; add it, or set a "
            "number of folds."
        )
