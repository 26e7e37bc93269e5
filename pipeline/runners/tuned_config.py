"""The configuration of what a search for settings found."""

from typing import Any

from pipeline.runners.past_runs import PastRun
from schema.config.config import Config
from vggish.errors import ConfigError


def tuned_config(run: PastRun) -> dict[str, Any]:
    """Returns a run's configuration with the settings that its search found, and without a search.

    Args:
        run: The run.

    Returns:
        The sections of a valid configuration, without the defaults.

    Raises:
        ConfigError: The run searched for no settings.
    """
    found = run.summary.get("tuning")
    if found is None:
        raise ConfigError(
            f"The last run in {run.folder} searched for no settings; run the job with a section "
            "`tune` first, such as --set tune.trials=30."
        )
    sections = {key: value for key, value in run.summary["config"].items() if key != "tune"}
    models = sections.get("model") or [{}]
    checked = Config.model_validate(run.summary["config"]).model
    base = next(m for m, known in zip(models, checked, strict=True) if known.on_features)
    (best,) = (t["settings"] for t in found["trials"] if t["number"] == found["chosen"])
    model = base | best["model"]
    if train := (base.get("train") or {}) | best["train"]:
        model["train"] = train
    sections["model"] = model
    Config.model_validate(sections)
    return sections
