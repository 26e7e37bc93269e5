"""The labelled sounds (`source`)."""

import json
import re
import string
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from schema.config.annotations.annotation_settings import AnnotationSettings
from schema.config.settings import KindSettings, Settings
from schema.config.split_settings import SplitName
from vggish.networks.network_table import find_network


class TableSettings(Settings):
    """A table and the meaning of its columns (an entry of `source.tables`)."""

    file: str = Field(
        description="CSV, TSV or Parquet file below the root; of embeddings also .npz, and names "
        "with wildcards, such as `shards/*.parquet`."
    )
    path: str = Field(
        default="{path}",
        description="Path of a row's file below the root; a column's name in braces stands for "
        "the row's value, as in `audio/fold{fold}/{slice_file_name}`.",
    )
    labels: str = Field(default="labels", description="Column of class names.")
    label_separator: str | None = Field(
        default=None,
        min_length=1,
        description="Separator of the labels of one clip; null: a clip has one label.",
    )
    group: str | None = Field(
        default=None, description="Column of groups; default: `group` if it exists."
    )
    fold: str | None = Field(
        default=None, description="Column of folds; default: `fold` if it exists."
    )
    split: str | None = Field(
        default=None, description="Column of splits; default: `split` if it exists."
    )
    columns: tuple[str, ...] | None = Field(
        default=None, description="Names of the columns, for a file without a header."
    )
    delimiter: str | None = Field(
        default=None,
        min_length=1,
        max_length=1,
        description="Separator of columns; default: tab for .tsv and .txt, else comma.",
    )
    where: dict[str, str] = Field(
        default={}, description="Values by column; other rows are left out."
    )
    all_in: SplitName | None = Field(
        default=None, description="Split of all rows of this table; it wins over `split`."
    )
    fname: str | None = Field(
        default=None,
        description="Column of the clips' names, of embeddings; default: `fname`, or else a row is "
        "a clip.",
    )
    time: str | None = Field(
        default=None,
        description="Column of numbers that order the windows of a clip, of embeddings; default: "
        "`start_seconds` if it exists, or else the rows' order.",
    )
    vectors: str | None = Field(
        default=None,
        description="Prefix of the numbered columns of a vector, or name of a column of lists, of "
        "embeddings; default: `emb_`, or what is numbered from 0.",
    )

    @field_validator("path")
    @classmethod
    def _names_columns(cls, template: str) -> str:
        try:
            fields = list(string.Formatter().parse(template))
        except ValueError as error:
            raise ValueError(f"{template!r} has a brace that is not closed") from error
        names = [name for _, name, _, _ in fields if name is not None]
        if not names or not all(names) or any(spec or conv for _, _, spec, conv in fields):
            raise ValueError(f"{template!r} must name a column in braces, such as audio/{{fname}}")
        return template


class SourceSettings(KindSettings):
    """The labelled sounds (`source`)."""

    kind: Literal["folders", "manifest", "annotations", "embeddings", "audioset_embeddings"] = (
        Field(
            default="folders",
            description=(
                "Source of the labels. `folders`: a file's path. `manifest`: tables. "
                "`annotations`: tables of what is heard when in recordings. `embeddings`: "
                "tables that hold embeddings instead of sound. "
                "`audioset_embeddings`: AudioSet's released features, without sound."
            ),
        )
    )
    root: str = Field(description="Data root; `--data-root` overrides it.")
    classes: tuple[str, ...] | None = Field(
        default=None, description="Allowed class names; others are refused."
    )
    label_pattern: str | None = Field(
        default=None,
        description=(
            "Regular expression searched for in a clip's path below the root; its first "
            "parenthesis is the class. Default: the first folder."
        ),
    )
    group_pattern: str | None = Field(
        default=None,
        description=(
            "Regular expression searched for in a clip's path below the root; its first "
            "parenthesis is the clip's group (speaker, track, ...), which stays in one split."
        ),
    )
    fold_pattern: str | None = Field(
        default=None,
        description=(
            "Regular expression searched for in a clip's path below the root; its first "
            "parenthesis is the clip's fold."
        ),
    )
    unlabelled_folders: tuple[str, ...] = Field(
        default=(), description="Folders of sounds without labels, which are only predicted."
    )
    background: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        default=(),
        description="Folders, and names of labels, of sounds that are none of the classes: their "
        "clips have no label, and teach every class no.",
    )
    noise_folders: tuple[str, ...] = Field(
        default=(), description="Folders of noise for augmentation; their sounds are not clips."
    )
    tables: tuple[TableSettings, ...] = Field(
        default=(), description="Tables of a manifest, or of embeddings."
    )
    annotations: AnnotationSettings = AnnotationSettings()
    network: str | None = Field(
        default=None,
        description="Network that made the embeddings, vggish or yamnet, from the layer tap "
        "`model.features`; the served model then takes sound, too. null: unknown.",
    )
    size: int | None = Field(
        default=None, gt=0, description="Numbers of an embedding; default: as the tables have."
    )
    class_names: str | None = Field(
        default=None,
        description="Path of AudioSet's class_labels_indices.csv, below the root or absolute; "
        "null: a class is named by its number.",
    )

    @field_validator("label_pattern", "group_pattern", "fold_pattern")
    @classmethod
    def _has_one_group(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            try:
                groups = re.compile(pattern).groups
            except re.error as error:
                raise ValueError(
                    f"{pattern!r} is no regular expression, because of its part "
                    f"{pattern[error.pos :]!r}; put a backslash before a character that stands for "
                    "itself, and close every bracket"
                ) from error
            if groups < 1:
                raise ValueError(
                    f"{pattern!r} has no parenthesis; put one around the part to extract"
                )
        return pattern

    @field_validator("network")
    @classmethod
    def _exists(cls, name: str | None) -> str | None:
        return None if name is None else find_network(name).name

    @model_validator(mode="after")
    def _fits_its_kind(self) -> "SourceSettings":
        shared = {"kind", "root", "classes"}
        places = {"group_pattern", "unlabelled_folders", "background"}
        of_kind = {
            "folders": {"label_pattern", "fold_pattern", "noise_folders"} | places,
            "manifest": {"tables"} | places,
            "annotations": {"annotations", "group_pattern", "fold_pattern"},
            "embeddings": {"tables", "group_pattern", "network", "size", "background"},
            "audioset_embeddings": {"class_names"},
        }
        self._refuse_keys_outside(shared | of_kind[self.kind])
        both = sorted({*self.background} & {*(self.classes or ())})
        if both:
            raise ValueError(f"{both[0]!r} is in `classes` and in `background`; keep it in one")
        if self.kind in _MEANINGLESS and not self.tables:
            raise ValueError(f"{self.kind} needs `tables`, such as [{{file: clips.csv}}]")
        if self.kind == "annotations" and not self.annotations.tables:
            raise ValueError("annotations needs `annotations.tables`, such as ['*.selections.txt']")
        for table in self.tables:
            for key in _MEANINGLESS[self.kind]:
                if getattr(table, key) != TableSettings.model_fields[key].get_default():
                    raise ValueError(f"{key!r} of a table means nothing under {self.kind!r}")
        return self


_MEANINGLESS = {
    "manifest": ("fname", "time", "vectors"),
    "embeddings": ("path", "columns", "where"),
}
"""Keys of a table that mean nothing, by the kinds that have tables."""


def read_source_settings(exec_properties: dict[str, Any]) -> SourceSettings:
    """Reads the section from the properties of AudioExampleGen.

    Args:
        exec_properties: `source`, JSON without the root, and `data_root`.

    Returns:
        The section.
    """
    section = json.loads(exec_properties["source"])
    return SourceSettings.model_validate(section | {"root": exec_properties["data_root"]})
