import pytest
from pydantic import ValidationError

from schema.config.ingest_settings import IngestSettings
from schema.config.source_settings import SourceSettings, TableSettings
from schema.config.split_settings import SplitSettings


def complaint(build: type, **values: object) -> str:
    with pytest.raises(ValidationError) as error:
        build(**values)
    (first,) = error.value.errors()
    return first["msg"]


@pytest.mark.parametrize(
    ("build", "values", "message"),
    [
        (SourceSettings, {"root": "x", "tables": [{"file": "a.csv"}]}, "'tables' means nothing"),
        (SourceSettings, {"root": "x", "kind": "manifest"}, "manifest needs `tables`"),
        (
            SourceSettings,
            {"root": "x", "kind": "audioset_embeddings", "group_pattern": "(a)"},
            "'group_pattern' means nothing under kind 'audioset_embeddings'",
        ),
        (SourceSettings, {"root": "x", "label_pattern": "abc"}, "no parenthesis"),
        (SourceSettings, {"root": "x", "group_pattern": "(("}, "no regular expression"),
        (TableSettings, {"file": "a.csv", "path": "audio"}, "must name a column in braces"),
        (TableSettings, {"file": "a.csv", "path": "{}"}, "must name a column in braces"),
        (TableSettings, {"file": "a.csv", "path": "{a!r}"}, "must name a column in braces"),
        (TableSettings, {"file": "a.csv", "path": "{a"}, "has a brace that is not closed"),
        (SplitSettings, {"train": 0.5}, "must add up to 1, not 0.7"),
        (SplitSettings, {"test_fold": 1}, "'test_fold' means nothing under kind 'hash'"),
        (SplitSettings, {"kind": "fold"}, "kind 'fold' needs 'test_fold'"),
        (SplitSettings, {"kind": "lists", "eval_list": "a"}, "needs 'test_list'"),
        (SplitSettings, {"kind": "folders"}, "needs 'test_folder'"),
        (SplitSettings, {"kind": "fold", "test_fold": 1, "eval_fold": "1"}, "are the same"),
        (IngestSettings, {"min_seconds": 5, "max_seconds": 1}, "every clip would be refused"),
        (IngestSettings, {"max_seconds": 0.5, "long": "split"}, "shorter than a window"),
    ],
)
def test_what_does_not_fit_together_is_refused(build: type, values: dict, message: str) -> None:
    assert message in complaint(build, **values)


@pytest.mark.parametrize(
    "settings",
    [
        SourceSettings(kind="manifest", root="x", tables=({"file": "a.csv", "where": {"b": "1"}},)),
        IngestSettings(windows={"exactly": 3}, long="random"),
        SplitSettings(kind="fold", test_fold=1, eval_fold="two"),
    ],
)
def test_settings_survive_the_way_to_the_executor(settings: SourceSettings) -> None:
    assert type(settings).model_validate_json(settings.model_dump_json()) == settings


def test_windows_decide_what_is_short() -> None:
    assert IngestSettings().target_samples == 15_600
    assert IngestSettings(windows={"exactly": 1}).target_samples == 15_600
    assert IngestSettings(windows={"exactly": 3}).target_samples == 15_600 + 2 * 15_360
