"""Which clips are let in, and in what shape (`ingest`)."""

from typing import Literal

from pydantic import Field, model_validator

from schema.config.settings import Settings
from vggish.audio.decoding import Resampler
from vggish.params import SAMPLE_RATE, WINDOW_HOP_SAMPLES, WINDOW_SAMPLES


class WindowSettings(Settings):
    """How many windows a clip has (`ingest.windows`)."""

    exactly: int | None = Field(
        default=None, gt=0, description="Longer clips are cut, shorter ones lengthened."
    )


class IngestSettings(Settings):
    """Which clips are let in, and in what shape (`ingest`)."""

    max_seconds: float = Field(default=600.0, gt=0, description="Longer clips are `long`.")
    long: Literal["reject", "first", "random", "split"] = Field(
        default="reject",
        description="What becomes of them: refused; cut to their first seconds or to a stretch "
        "drawn at random; or cut up into several clips.",
    )
    min_seconds: float = Field(default=0.0, ge=0, description="Shorter clips are refused.")
    short: Literal["pad", "repeat", "reject"] = Field(
        default="pad", description="What becomes of clips that are shorter than a window."
    )
    windows: WindowSettings = WindowSettings()
    duplicates: Literal["keep", "drop"] = Field(
        default="keep",
        description="Of identical files in one split, `keep` keeps all and `drop` the first.",
    )
    resampler: Resampler = Field(
        default="resampy", description="`resampy` is the reference's, `soxr` many times faster."
    )
    timeout_seconds: float = Field(
        default=60.0, gt=0, description="A file that gives no clip for so long is refused."
    )
    seed: int = Field(default=0, description="Of the stretches drawn at random.")
    max_reject_fraction: float = Field(
        default=0.05, ge=0, le=1, description="The run stops when more than this share is refused."
    )

    @property
    def target_samples(self) -> int:
        """How many samples at 16 kHz a clip needs, not to be short."""
        return WINDOW_SAMPLES + ((self.windows.exactly or 1) - 1) * WINDOW_HOP_SAMPLES

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
