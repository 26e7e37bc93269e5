"""The tables and the windows of annotated recordings (`source.annotations`)."""

from pydantic import Field, field_validator, model_validator

from schema.config.settings import Settings
from vggish.params import SAMPLE_RATE, STFT_HOP_SAMPLES, WINDOW_SECONDS
from vggish.suggestions import suggest

BACKGROUND = "background"
"""Class of windows without an event, where a window has one label."""

_MEANINGS = ("file", "start", "end", "label")
_STEPS_A_SECOND = SAMPLE_RATE // STFT_HOP_SAMPLES


class AnnotationSettings(Settings):
    """The windows of annotated recordings (`source.annotations`)."""

    tables: tuple[str, ...] = Field(
        default=(),
        description="Tables below the root, with wildcards, such as `*.selections.txt`: Raven's "
        "selection tables, Audacity's label tracks, CSV, Parquet or JSON lines.",
    )
    columns: dict[str, str] = Field(
        default={}, description="Columns of other names, such as `{label: Call}`."
    )
    recording: str | None = Field(
        default=None,
        description="Path of a row's recording below the root; `{file}` is what the row names, "
        "`{name}` the last part of that, `{table}` the table's name without extensions, "
        "`{folder}` the name of its folder. Default: "
        "what the row names, from the root or from the table; or the sound beside its table.",
    )
    hop_seconds: float = Field(
        default=WINDOW_SECONDS,
        gt=0,
        le=WINDOW_SECONDS,
        description="Seconds from the start of one window to the start of the next, in steps of "
        "0.01.",
    )
    min_overlap: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="Share of a window, or of an event, that must be covered for the window to "
        "have the event's label.",
    )
    complete: bool = Field(
        default=True,
        description="Whether all events are annotated, so that the rest is background; it is "
        "left out otherwise.",
    )
    background: float = Field(
        default=1.0, ge=0, le=1, description="Share of the windows without an event to keep."
    )
    one_label: bool = Field(
        default=False,
        description="Whether a window has one label, that of the event that covers the most of "
        "it, or `background`; else it has any number of labels.",
    )

    @property
    def hop_samples(self) -> int:
        """Samples at 16 kHz between the starts of windows."""
        return round(self.hop_seconds * SAMPLE_RATE)

    @field_validator("hop_seconds")
    @classmethod
    def _is_whole_steps(cls, seconds: float) -> float:
        # The names of windows tell their starts to a hundredth of a second.
        steps = round(seconds * _STEPS_A_SECOND)
        if abs(seconds * _STEPS_A_SECOND - steps) > 1e-6:
            raise ValueError(f"{seconds:g} is not in steps of 0.01; take {steps / 100:g}")
        return seconds

    @field_validator("columns")
    @classmethod
    def _have_meanings(cls, columns: dict[str, str]) -> dict[str, str]:
        for meaning in columns:
            if meaning not in _MEANINGS:
                raise ValueError(
                    f"{meaning!r} is no meaning of a column; {suggest(meaning, _MEANINGS)}"
                )
        return columns

    @field_validator("recording")
    @classmethod
    def _names_parts(cls, template: str | None) -> str | None:
        if template is not None:
            try:
                one, other = (
                    template.format(file=part, name=part, table=part, folder="") for part in "ab"
                )
            except (KeyError, ValueError, IndexError, AttributeError) as error:
                raise ValueError(
                    f"{template!r} may have {{file}}, {{name}}, {{table}} and {{folder}}"
                ) from error
            if one == other:
                raise ValueError(f"{template!r} needs one of {{file}}, {{name}} and {{table}}")
        return template

    @model_validator(mode="after")
    def _background_exists(self) -> "AnnotationSettings":
        if not self.complete and self.background < 1:
            raise ValueError("background means nothing where `complete` is false; leave it out")
        return self
