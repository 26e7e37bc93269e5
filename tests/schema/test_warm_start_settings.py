"""What of a configuration's `model.warm_start` is refused, and which layers it freezes."""

import pytest

from schema.config.config import Config
from schema.config.model_settings import ModelSettings
from schema.config.warm_start_settings import AugmentSettings, WarmStartSettings
from vggish.networks.vggish_network import VGGISH

LAYERS = tuple(VGGISH.variables)


@pytest.mark.parametrize(
    ("freeze_below", "frozen"),
    [
        (None, ()),
        ("conv1", ()),
        ("conv3", LAYERS[:2]),
        ("conv4_2", LAYERS[:5]),
        ("fc2", LAYERS[:8]),
    ],
)
def test_layers_below_are_frozen(freeze_below: str | None, frozen: tuple[str, ...]) -> None:
    assert WarmStartSettings(freeze_below=freeze_below).frozen_layers(VGGISH) == frozen


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({"features": "mfcc"}, "trains VGGish, which features 'mfcc' do not use"),
        ({"features": "log_mel"}, "choose one of embedding, fc1, pool4, fusion"),
        ({"warm_start": {"freeze_below": "fc1"}}, "'fusion', which end with conv4_2"),
        ({"features": "fc1", "warm_start": {"freeze_below": "fc2"}}, "end with fc1_2"),
        (
            {"warm_start": {"freeze_below": "conv5"}},
            "VGGish has no 'conv5', as freeze_below says; choose one of conv1",
        ),
    ],
)
def test_what_cannot_be_trained_is_refused(model: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Config(source={"root": "/sounds"}, model={"head": "warm_start", **model})


def test_other_heads_do_not_mind() -> None:
    assert ModelSettings(features="mfcc").head == "dense"


def test_ratios_are_ordered() -> None:
    with pytest.raises(ValueError, match="from the minimum to the maximum, not 20 to 10"):
        AugmentSettings(noise_snr=(20, 10))
