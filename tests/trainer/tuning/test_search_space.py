"""The settings that a search tries."""

from collections import Counter

import pytest

from schema.config.model_settings import ModelSettings, TrainSettings
from trainer.tuning.search_space import HEADS, draw_settings


def test_every_draw_is_valid_and_every_head_is_drawn_by_its_share() -> None:
    drawn = Counter()
    for number in range(1000):
        settings = draw_settings(3, number)
        assert settings.keys() == {"model", "train"}
        model = ModelSettings.model_validate(settings["model"])
        TrainSettings.model_validate(settings["train"])
        drawn[model.head] += 1
    assert drawn.keys() == HEADS.keys()
    for head, share in HEADS.items():
        assert drawn[head] / 1000 == pytest.approx(share, abs=0.05)


def test_a_draw_depends_on_the_seed_and_its_number_alone() -> None:
    assert draw_settings(0, 5) == draw_settings(0, 5)
    assert draw_settings(0, 5) != draw_settings(1, 5)
    assert len({str(draw_settings(0, number)) for number in range(50)}) > 45
