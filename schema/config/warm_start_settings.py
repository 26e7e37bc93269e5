"""Training of the whole network (`model.warm_start`)."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from schema.config.settings import Settings
from vggish import params
from vggish.networks.network import Feature, Network

WARM_START_RATE = 3e-3
"""Default learning rate of the head. The search that a frozen head uses takes 200 steps; with the
whole network, these cost as much as several epochs of a small data set."""

Decibels = Annotated[float, Field(ge=-20, le=80)]


class AugmentSettings(Settings):
    """Random changes of training clips in every epoch (`augment`); 0 turns a change off."""

    shift_seconds: float = Field(
        default=0.1, ge=0, lt=params.WINDOW_SECONDS, description="Maximum shift in seconds."
    )
    noise_share: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Share of the clips that get noise from `source.noise_folders`.",
    )
    noise_snr: tuple[Decibels, Decibels] = Field(
        default=(5.0, 30.0), description="Minimum and maximum signal-to-noise ratio in decibels."
    )
    mask_frames: int = Field(
        default=12,
        ge=0,
        le=params.NUM_FRAMES,
        description="Maximum number of a window's 96 frames in the time mask (SpecAugment).",
    )
    mask_bands: int = Field(
        default=8,
        ge=0,
        le=params.NUM_BANDS,
        description="Maximum number of a window's 64 bands in the frequency mask (SpecAugment).",
    )

    @model_validator(mode="after")
    def _ordered(self) -> "AugmentSettings":
        least, most = self.noise_snr
        if least > most:
            raise ValueError(
                f"noise_snr goes from the minimum to the maximum, not {least:g} to {most:g}"
            )
        return self


class WarmStartSettings(Settings):
    """Joint training of the network and a head (`model.warm_start`)."""

    start: Literal["checkpoint", "last_blessed"] = Field(
        default="checkpoint",
        description="Initial weights; `last_blessed`: those of the last blessed model, if any.",
    )
    freeze_below: str | None = Field(
        default=None,
        description="Layer or block of the network (conv3, conv4_1, layer7, ...) below which "
        "weights are frozen; null: everything is trained.",
    )
    network_rate: float = Field(
        default=0.1,
        gt=0,
        le=1,
        description="Learning rate of the network, as a share of the head's.",
    )
    compute: Literal["float32", "bfloat16"] = Field(
        default="float32", description="Precision of the network; variables are float32."
    )
    max_windows: int = Field(
        default=4, gt=0, description="Maximum number of consecutive windows per clip and step."
    )
    augment: AugmentSettings = AugmentSettings()

    def frozen_layers(self, network: Network) -> tuple[str, ...]:
        """Returns the layers of the network whose weights do not change."""
        if self.freeze_below is None:
            return ()
        layers = tuple(network.variables)
        names = [(layer, layer.partition("_")[0]) for layer in layers]
        first = next(i for i, known_as in enumerate(names) if self.freeze_below in known_as)
        return layers[:first]

    def check_layers(self, network: Network, feature: Feature) -> None:
        """Refuses features without a trainable layer of the network.

        Args:
            network: The network.
            feature: Its layer tap.

        Raises:
            ValueError: The features use no layer of the network, or only frozen ones; or
                `freeze_below` is not in the network.
        """
        if self.freeze_below not in (None, *network.variables, *network.blocks):
            choices = ", ".join(dict.fromkeys((*network.blocks, *network.variables)))
            raise ValueError(
                f"{network.title} has no {self.freeze_below!r}, as freeze_below says; choose one "
                f"of {choices}"
            )
        if not feature.layers:
            raise ValueError(
                f"head 'warm_start' trains {network.title}, which features {feature.name!r} do not "
                f"use; choose one of {', '.join(tap.name for tap in network.taps)}"
            )
        last = network.last_weights(feature)
        if last in self.frozen_layers(network):
            raise ValueError(
                f"freeze_below {self.freeze_below!r} freezes every layer of features "
                f"{feature.name!r}, which end with {last}; name a lower layer, or use head 'dense'"
            )
