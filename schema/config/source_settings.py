"""Where the labelled sounds are (`source`)."""

import json
import re
import string
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from schema.config.settings import KindSettings, Settings
from schema.config.split_settings import SplitName


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


class SourceSettings(KindSettings):
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
        self._refuse_keys_outside(shared | of_kind[self.kind])
        if self.kind == "manifest" and not self.tables:
            raise ValueError("a manifest needs `tables`, such as [{file: clips.csv}]")
        return self


def read_source_settings(exec_properties: dict[str, Any]) -> SourceSettings:
    """Reads the section out of AudioExampleGen's properties.

    Args:
        exec_properties: `source`, JSON without the root, and `data_root`, which a run may be given.
    """
    section = json.loads(exec_properties["source"])
    return SourceSettings.model_validate(section | {"root": exec_properties["data_root"]})
