"""Training of the whole network (`model.warm_start`)."""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from schema.config.settings import Settings
from vggish import params

WARM_START_RATE = 3e-3
"""Default learning rate of the head. The search that a frozen head uses takes 200 steps; with the
whole network, these cost as much as several epochs of a small data set."""

LAYERS = (*params.CONVOLUTION_CHANNELS, *params.DENSE_UNITS)
"""Trainable layers of VGGish, from input to output."""

_BLOCKS = tuple(dict.fromkeys(layer.partition("_")[0] for layer in LAYERS))

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
    """Joint training of VGGish and a head (`model.warm_start`)."""

    start: Literal["checkpoint", "last_blessed"] = Field(
        default="checkpoint",
        description="Initial weights; `last_blessed`: those of the last blessed model, if any.",
    )
    freeze_below: str | None = Field(
        default=None,
        description="Layer or block of VGGish (conv3, conv4_1, ...) below which weights are "
        "frozen; null: everything is trained.",
    )
    network_rate: float = Field(
        default=0.1, gt=0, le=1, description="Learning rate of VGGish, as a share of the head's."
    )
    compute: Literal["float32", "bfloat16"] = Field(
        default="float32", description="Precision of VGGish; variables are float32."
    )
    max_windows: int = Field(
        default=4, gt=0, description="Maximum number of consecutive windows per clip and step."
    )
    augment: AugmentSettings = AugmentSettings()

    @field_validator("freeze_below")
    @classmethod
    def _is_in_vggish(cls, name: str | None) -> str | None:
        if name is not None and name not in (*LAYERS, *_BLOCKS):
            choices = ", ".join(dict.fromkeys((*_BLOCKS, *LAYERS)))
            raise ValueError(f"VGGish has no {name!r}; choose one of {choices}")
        return name

    @property
    def frozen_layers(self) -> tuple[str, ...]:
        """The layers whose weights do not change."""
        if self.freeze_below is None:
            return ()
        first = next(
            i
            for i, layer in enumerate(LAYERS)
            if self.freeze_below in (layer, layer.partition("_")[0])
        )
        return LAYERS[:first]

    def check_layers(self, features: str, taps: tuple[str, ...]) -> None:
        """Refuses features without a trainable layer of VGGish.

        Args:
            features: The layer tap's name.
            taps: The layers that it reads.

        Raises:
            ValueError: The features use no layer of VGGish, or only frozen ones.
        """
        if not taps:
            raise ValueError(
                f"head 'warm_start' trains VGGish, which features {features!r} do not use; "
                "choose features embedding, fc1, pool4 or fusion"
            )
        pooled = {pool: layer for layer, pool in params.POOL_AFTER.items()}
        last = pooled.get(taps[-1], taps[-1])
        if last in self.frozen_layers:
            raise ValueError(
                f"freeze_below {self.freeze_below!r} freezes every layer of features {features!r}, "
                f"which end with {last}; name a lower layer, or use head 'dense'"
            )
