"""What a configuration says about events in recordings."""

from typing import Any

import pytest
from pydantic import ValidationError

from schema.config.config import Config
from schema.config.predict.predict_settings import PredictSettings
from vggish.events.detection import EventRules


def test_windows_have_the_rules_of_detect() -> None:
    windows = {"hop_seconds": 0.24, "min_score": 0.2, "smooth": 3, "top_n": 2, "max_gap": 1}
    settings = PredictSettings.model_validate({"recordings": "night", "windows": windows})
    assert settings.windows.hop == 3_840
    assert settings.windows.rules() == EventRules(smooth=3, top_n=2, max_gap=1.0)
    assert PredictSettings().windows.rules() == EventRules()
    for said in (settings, PredictSettings()):
        assert PredictSettings.model_validate_json(said.model_dump_json()) == said


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ({"recordings": "r", "windows": {"smooth": 2}}, "odd number of windows, not 2; take 3"),
        (
            {"recordings": "r", "windows": {"min_duration": 2, "max_duration": 1}},
            "No event is at least 2 and at most 1 seconds long",
        ),
        ({"recordings": "r", "windows": {"hop_seconds": 1}}, "less than or equal to 0.96"),
        ({"recordings": "r", "windows": {"max_gap": -1}}, "greater than or equal to 0"),
        ({"recordings": "r", "windows": {"top_n": 0}}, "greater than or equal to 1"),
        ({"recordings": ""}, "at least 1 character"),
    ],
)
def test_wrong_values_are_refused(section: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        PredictSettings.model_validate(section)


def test_recordings_need_a_model_of_sounds() -> None:
    source = {"kind": "embeddings", "root": "tables", "tables": [{"file": "a.csv"}]}
    predict = {"recordings": "night"}
    with pytest.raises(ValidationError, match=r"predict\.recordings needs a model of sounds"):
        Config.model_validate({"source": source, "predict": predict})
    known = Config.model_validate({"source": source | {"network": "yamnet"}, "predict": predict})
    assert known.predict.recordings == "night"


def test_rules_need_recordings() -> None:
    predict = {"windows": {"smooth": 3}}
    with pytest.raises(ValidationError, match=r"predict\.windows means nothing without recordings"):
        Config.model_validate({"source": {"root": "clips"}, "predict": predict})
    annotations: dict[str, Any] = {"tables": ["*.txt"]}
    source = {"kind": "annotations", "root": "r", "annotations": annotations}
    annotated = Config.model_validate({"source": source, "predict": predict})
    assert annotated.predict.windows.rules() == EventRules(smooth=3)
    annotations["complete"] = False  # What is found beside the annotations may be true.
    with pytest.raises(ValidationError, match="means nothing without recordings"):
        Config.model_validate({"source": source, "predict": predict})
