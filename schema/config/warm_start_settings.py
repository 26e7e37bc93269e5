"""What a configuration may say about training the whole network (`model.warm_start`)."""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from schema.config.settings import Settings
from vggish import params

WARM_START_RATE = 3e-3
"""The head's learning rate where nobody names one: to look for one as for a frozen head takes 200
steps, which of the whole network are as dear as several epochs of a small data set."""

LAYERS = (*params.CONVOLUTION_CHANNELS, *params.DENSE_UNITS)
"""The layers of VGGish that can be learned, from the sound upwards."""

_BLOCKS = tuple(dict.fromkeys(layer.partition("_")[0] for layer in LAYERS))

Decibels = Annotated[float, Field(ge=-20, le=80)]


class AugmentSettings(Settings):
    """What changes a training clip every time it is heard (`augment`); nought turns a thing off."""

    shift_seconds: float = Field(
        default=0.1, ge=0, lt=params.WINDOW_SECONDS, description="Earlier or later, at most."
    )
    noise_share: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Of the clips that get noise of `source.noise_folders` mixed in.",
    )
    noise_snr: tuple[Decibels, Decibels] = Field(
        default=(5.0, 30.0), description="Least and most decibels from the noise up to the clip."
    )
    mask_frames: int = Field(
        default=12,
        ge=0,
        le=params.NUM_FRAMES,
        description="Of a window's 96 frames, masked in one piece, at most (SpecAugment).",
    )
    mask_bands: int = Field(
        default=8,
        ge=0,
        le=params.NUM_BANDS,
        description="Of a window's 64 mel bands, masked in one piece, at most (SpecAugment).",
    )

    @model_validator(mode="after")
    def _ordered(self) -> "AugmentSettings":
        least, most = self.noise_snr
        if least > most:
            raise ValueError(
                f"noise_snr goes from the least to the most, not {least:g} to {most:g}"
            )
        return self


class WarmStartSettings(Settings):
    """How VGGish is trained together with a head (`model.warm_start`)."""

    start: Literal["checkpoint", "last_blessed"] = Field(
        default="checkpoint",
        description="`last_blessed`: go on from the last blessed model, where there is one.",
    )
    freeze_below: str | None = Field(
        default=None,
        description="A layer or block of VGGish (conv3, conv4_1, ...); what is below it stays as "
        "it is. None: everything is learned.",
    )
    network_rate: float = Field(
        default=0.1, gt=0, le=1, description="VGGish's learning rate, as a share of the head's."
    )
    compute: Literal["float32", "bfloat16"] = Field(
        default="float32", description="What VGGish computes in; what is learned is float32."
    )
    max_windows: int = Field(
        default=4, gt=0, description="Of a clip, next to each other, that one step learns from."
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
        """The layers that stay as they are."""
        if self.freeze_below is None:
            return ()
        first = next(
            i
            for i, layer in enumerate(LAYERS)
            if self.freeze_below in (layer, layer.partition("_")[0])
        )
        return LAYERS[:first]

    def check_layers(self, features: str, taps: tuple[str, ...]) -> None:
        """Refuses features of which nothing is left to be learned.

        Args:
            features: The layer tap's name.
            taps: The layers that it reads.

        Raises:
            ValueError: There is no layer of VGGish in it, or none above `freeze_below`.
        """
        if not taps:
            raise ValueError(
                f"head 'warm_start' trains VGGish, of which features {features!r} have nothing; "
                "choose features embedding, fc1, pool4 or fusion"
            )
        pooled = {pool: layer for layer, pool in params.POOL_AFTER.items()}
        last = pooled.get(taps[-1], taps[-1])
        if last in self.frozen_layers:
            raise ValueError(
                f"freeze_below {self.freeze_below!r} leaves nothing of VGGish to be learned in "
                f"features {features!r}, which end with {last}; name a layer below, or use head "
                "'dense'"
            )
