"""Acceptance and shape of clips (`ingest`)."""

import math
from typing import Literal

from pydantic import Field, model_validator

from schema.config.settings import Settings
from vggish.audio.decoding import Resampler
from vggish.params import SAMPLE_RATE, WINDOW_HOP_SAMPLES, WINDOW_SAMPLES


class WindowSettings(Settings):
    """Number of windows per clip (`ingest.windows`)."""

    exactly: int | None = Field(
        default=None,
        gt=0,
        description="Windows per clip: longer clips are cut, shorter ones lengthened; null: any.",
    )


class IngestSettings(Settings):
    """Acceptance and shape of clips (`ingest`)."""

    max_seconds: float = Field(
        default=600.0,
        gt=0,
        description="Maximum length in seconds, on ingestion (see `long`) and of the served model.",
    )
    long: Literal["reject", "first", "random", "split"] = Field(
        default="reject",
        description="Treatment of longer clips: refuse them; keep their first seconds or a random "
        "stretch; or split them into several clips.",
    )
    min_seconds: float = Field(
        default=0.0, ge=0, description="Minimum length in seconds; shorter clips are refused."
    )
    short: Literal["pad", "repeat", "reject"] = Field(
        default="pad", description="Treatment of clips that are shorter than a window."
    )
    windows: WindowSettings = WindowSettings()
    duplicates: Literal["keep", "drop", "stop"] = Field(
        default="keep",
        description="Treatment of copies of a sound: keep those of one split and refuse the "
        "others; drop all but the first; or stop the run if they are in several splits.",
    )
    resampler: Resampler = Field(
        default="resampy",
        description="Resampler to 16 kHz; the reference uses `resampy`, `soxr` is much faster.",
    )
    timeout_seconds: float = Field(
        default=60.0, gt=0, description="Timeout per clip, in seconds; the file is then refused."
    )
    seed: int = Field(default=0, description="Seed of the random stretches.")
    max_reject_fraction: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="Maximum share of refused files; above it, the run stops.",
    )

    @property
    def target_samples(self) -> int:
        """Samples at 16 kHz below which a clip is short."""
        return WINDOW_SAMPLES + ((self.windows.exactly or 1) - 1) * WINDOW_HOP_SAMPLES

    @property
    def max_clip_samples(self) -> int:
        """Maximum length of a clip that is let in or served, in samples at 16 kHz."""
        return max(math.ceil(self.max_seconds * SAMPLE_RATE), self.target_samples)

    @model_validator(mode="after")
    def _lengths_fit_together(self) -> "IngestSettings":
        if self.min_seconds > self.max_seconds:
            raise ValueError(
                f"min_seconds ({self.min_seconds:g}) is more than max_seconds "
                f"({self.max_seconds:g}), so every clip would be refused"
            )
        window = WINDOW_SAMPLES / SAMPLE_RATE
        if self.long != "reject" and self.max_seconds < max(window, self.min_seconds):
            raise ValueError(
                f"long clips would be cut to max_seconds ({self.max_seconds:g}), which is shorter "
                f"than a window ({window:g})"
            )
        return self
