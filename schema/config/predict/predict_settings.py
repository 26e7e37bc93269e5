"""Events in long recordings, which a run finds with its model (`predict`)."""

from typing import Annotated

from pydantic import Field, model_validator

from schema.config.settings import Settings
from vggish.errors import ConfigError
from vggish.events.detection import EventRules, Smoothing
from vggish.params import SAMPLE_RATE, WINDOW_SECONDS

_Seconds = Annotated[float, Field(ge=0)]


class EventSettings(Settings):
    """From windows to events (`predict.windows`); `docs/detection.md` shows what each key does."""

    hop_seconds: float = Field(
        default=0.48,
        ge=0.01,
        le=WINDOW_SECONDS,
        description="Seconds from the start of one window to the start of the next.",
    )
    min_score: float | None = Field(
        default=None,
        description="Score that begins an event; null: the model's threshold of each class, or "
        "0.5 if it has none.",
    )
    keep_score: float | None = Field(
        default=None, description="Score down to which an event goes on; null: as it begins."
    )
    smooth: int = Field(
        default=1, ge=1, description="Windows to smooth scores over, an odd number."
    )
    smoothing: Smoothing = Field(default="median", description="Median or mean of these windows.")
    top_n: int | None = Field(
        default=None,
        ge=1,
        description="Number of classes of a window, the highest, that may have events; null: all.",
    )
    max_gap: _Seconds = Field(
        default=0.0, description="Seconds between events of a class up to which they are joined."
    )
    min_duration: _Seconds = Field(
        default=0.0, description="Seconds of the shortest events; shorter ones are left out."
    )
    max_duration: _Seconds | None = Field(
        default=None, description="Seconds of the longest events; longer ones are left out."
    )

    @model_validator(mode="after")
    def _are_rules(self) -> "EventSettings":
        try:
            self.rules()
        except ConfigError as error:
            raise ValueError(str(error).rstrip(".")) from error
        return self

    @property
    def hop(self) -> int:
        """Samples at 16 kHz between the starts of windows."""
        return round(self.hop_seconds * SAMPLE_RATE)

    def rules(self) -> EventRules:
        """Returns what counts as an event."""
        return EventRules(**self.model_dump(exclude={"hop_seconds", "min_score"}))


class PredictSettings(Settings):
    """Events in long recordings (`predict`)."""

    recordings: str | None = Field(
        default=None,
        min_length=1,
        description="Folder of recordings of any length, or its address; null: none.",
    )
    windows: EventSettings = EventSettings()
