"""The official folds of data sets, from their configurations and small copies."""

from pathlib import Path

import pytest
from preset_trees import BUILDERS

from components.audio_example_gen.sources import list_source
from components.folds.fold_clips import FoldClip
from components.folds.fold_plan import plan_folds
from pipeline.fold_checks import check_folds
from schema.config.config_file import load_config

CONFIGS = Path(__file__).resolve().parents[3] / "configs"


@pytest.mark.parametrize(
    ("name", "folds"), [("esc50", 5), ("esc10", 5), ("esc10_alone", 5), ("urbansound8k", 10)]
)
def test_every_official_fold_is_tested(name: str, folds: int, tmp_path: Path) -> None:
    BUILDERS[name](tmp_path)
    config = load_config(CONFIGS / f"{name}.yaml", {"source.root": str(tmp_path)})
    listing = list_source(config.source, config.split)
    check_folds(config.evaluate, listing)
    clips = [
        FoldClip(file.clip_id, file.labels, file.group, file.fold, file.clip_id.encode())
        for file in listing.files
    ]
    planned = plan_folds(
        clips, config.evaluate.folds or 0, eval_share=config.split.eval_share, seed=0
    )
    assert [fold.name for fold in planned] == [str(i + 1) for i in range(folds)]
    fold_of = {clip.clip_id: clip.fold for clip in clips}
    labels_of = {clip.clip_id: clip.labels for clip in clips}
    for fold in planned:
        assert fold.test == {name for name, given in fold_of.items() if given == fold.name}
        trained_on = fold_of.keys() - fold.test - fold.eval
        classes = {label for name in trained_on for label in labels_of[name]}
        assert classes == set(listing.classes)
        assert {label for name in fold.eval for label in labels_of[name]} == classes
