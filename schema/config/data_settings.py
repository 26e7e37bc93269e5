"""What a configuration may say about the source, its ingestion and its splits.

The sections are validated here, where their meaning is, and travel to the executor as JSON.
"""

import json
import re
import string
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from schema.config.settings import Settings
from vggish.audio.decoding import Resampler
from vggish.params import SAMPLE_RATE, WINDOW_HOP_SAMPLES, WINDOW_SAMPLES

SPLITS = ("train", "eval", "test")
UNLABELLED = "unlabelled"
"""The split of clips without labels: embedded and predicted, never learned from or scored."""

SplitName = Literal["train", "eval", "test"]


class TableSettings(Settings):
    """One table of a manifest, and what its columns mean (an entry of `source.tables`)."""

    file: str = Field(description="CSV, TSV or Parquet, below the root.")
    path: str = Field(
        default="{path}",
        description="Where a row's file is below the root; a column's name in braces stands for "
        "the row's value, as in `audio/fold{fold}/{slice_file_name}`.",
    )
    labels: str = Field(default="labels", description="The column of class names.")
    label_separator: str | None = Field(
        default=None,
        min_length=1,
        description="What separates the labels of a clip with several; none: a clip has one.",
    )
    group: str | None = Field(
        default=None, description="The column of groups; default: `group`, if there is one."
    )
    fold: str | None = Field(
        default=None, description="The column of folds; default: `fold`, if there is one."
    )
    split: str | None = Field(
        default=None, description="The column of splits; default: `split`, if there is one."
    )
    columns: tuple[str, ...] | None = Field(
        default=None, description="The names of the columns, where the first line is a row already."
    )
    delimiter: str | None = Field(
        default=None,
        min_length=1,
        max_length=1,
        description="Between columns; default: the tab in .tsv and .txt, else the comma.",
    )
    where: dict[str, str] = Field(
        default={}, description="Only rows that hold these values in these columns are in the set."
    )
    all_in: SplitName | None = Field(
        default=None, description="The split of all rows of this table, whatever `split` says."
    )

    @field_validator("path")
    @classmethod
    def _names_columns(cls, template: str) -> str:
        try:
            fields = list(string.Formatter().parse(template))
        except ValueError as error:
            raise ValueError(
                f"{template!r} is not a path with {{column}} in it: {error}"
            ) from error
        names = [name for _, name, _, _ in fields if name is not None]
        if not names or not all(names) or any(spec or conv for _, _, spec, conv in fields):
            raise ValueError(f"{template!r} must name a column in braces, such as audio/{{fname}}")
        return template


class SourceSettings(Settings):
    """Where the labelled sounds are (`source`)."""

    kind: Literal["folders", "manifest", "audioset_embeddings"] = Field(
        default="folders",
        description=(
            "`folders`: a clip's place or name says its class. `manifest`: tables do. "
            "`audioset_embeddings`: AudioSet's released features, without sound."
        ),
    )
    root: str = Field(description="The data root; `--data-root` overrides it.")
    classes: tuple[str, ...] | None = Field(
        default=None, description="The only class names there are; others are refused."
    )
    label_pattern: str | None = Field(
        default=None,
        description=(
            "A regular expression searched for in a clip's path below the root; its first "
            "parenthesis is the class. Default: the first folder."
        ),
    )
    group_pattern: str | None = Field(
        default=None,
        description=(
            "A regular expression searched for in a clip's path below the root; its first "
            "parenthesis is the clip's group (speaker, track, ...), which never straddles splits."
        ),
    )
    unlabelled_folders: tuple[str, ...] = Field(
        default=(), description="Folders whose sounds have no labels; they are only predicted."
    )
    noise_folders: tuple[str, ...] = Field(
        default=(), description="Folders of noise to mix in; their sounds are no clips."
    )
    tables: tuple[TableSettings, ...] = Field(default=(), description="What a manifest is made of.")
    class_names: str | None = Field(
        default=None,
        description="AudioSet's class_labels_indices.csv, below the root or absolute; without it "
        "a class is named by its number.",
    )

    @field_validator("label_pattern", "group_pattern")
    @classmethod
    def _has_one_group(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            try:
                groups = re.compile(pattern).groups
            except re.error as error:
                raise ValueError(f"{pattern!r} is not a regular expression: {error}") from error
            if groups < 1:
                raise ValueError(f"{pattern!r} has no parenthesis around what it is to find")
        return pattern

    @model_validator(mode="after")
    def _fits_its_kind(self) -> "SourceSettings":
        shared = {"kind", "root", "classes"}
        places = {"group_pattern", "unlabelled_folders"}
        of_kind = {
            "folders": {"label_pattern", "noise_folders"} | places,
            "manifest": {"tables"} | places,
            "audioset_embeddings": {"class_names"},
        }
        _refuse_other_keys(self, shared | of_kind[self.kind])
        if self.kind == "manifest" and not self.tables:
            raise ValueError("a manifest needs `tables`, such as [{file: clips.csv}]")
        return self


def read_source(exec_properties: dict[str, Any]) -> SourceSettings:
    """Reads the section out of AudioExampleGen's properties.

    Args:
        exec_properties: `source`, JSON without the root, and `data_root`, which a run may be given.
    """
    section = json.loads(exec_properties["source"])
    return SourceSettings.model_validate(section | {"root": exec_properties["data_root"]})


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


class SplitSettings(Settings):
    """How clips are dealt to train, eval and test (`split`)."""

    kind: Literal["hash", "tables", "column", "fold", "lists", "folders", "speech_commands"] = (
        Field(
            default="hash",
            description=(
                "`hash`: groups by fractions. `tables`, `column`, `fold`: as the manifest says. "
                "`lists`: as list files say. `folders`: as folders are named. `speech_commands`: "
                "by that data set's rule."
            ),
        )
    )
    train: float = Field(default=0.8, gt=0, lt=1)
    eval: float = Field(default=0.1, gt=0, lt=1)
    test: float = Field(default=0.1, gt=0, lt=1)
    seed: int = Field(default=0, description="Another seed deals the groups differently.")
    test_fold: int | str | None = None
    eval_fold: int | str | None = None
    train_list: str | None = Field(
        default=None, description="A file of paths, one a line; default: all that no list names."
    )
    eval_list: str | None = None
    test_list: str | None = None
    train_folder: str | None = Field(
        default=None, description="A folder below the root; default: all that is in no other."
    )
    eval_folder: str | None = None
    test_folder: str | None = None

    @property
    def eval_share(self) -> float:
        """The share of eval in what is left where only the test split is given."""
        return self.eval / (self.train + self.eval)

    @model_validator(mode="after")
    def _fits_together(self) -> "SplitSettings":
        total = self.train + self.eval + self.test
        if abs(total - 1) > 1e-6:
            raise ValueError(f"train, eval and test must add up to 1, not {total:g}")
        of_kind = {
            "fold": {"test_fold", "eval_fold"},
            "lists": {"train_list", "eval_list", "test_list"},
            "folders": {"train_folder", "eval_folder", "test_folder"},
        }
        of_this = of_kind.get(self.kind, set())
        _refuse_other_keys(self, {"kind", "train", "eval", "test", "seed"} | of_this)
        needed = next((key for key in of_this if key.startswith("test_")), None)
        if needed and getattr(self, needed) is None:
            raise ValueError(f"kind {self.kind!r} needs {needed!r}")
        if self.kind == "fold" and str(self.test_fold) == str(self.eval_fold):
            raise ValueError("test_fold and eval_fold are the same")
        return self


def _refuse_other_keys(settings: SourceSettings | SplitSettings, allowed: set[str]) -> None:
    """Refuses keys that mean nothing under this `kind`, rather than ignoring them."""
    for name, field in type(settings).model_fields.items():
        if name not in allowed and getattr(settings, name) != field.get_default():
            raise ValueError(f"{name!r} means nothing under kind {settings.kind!r}")
