"""How clips are assigned to train, eval and test (`split`)."""

from typing import Literal

from pydantic import Field, model_validator

from schema.config.settings import KindSettings

SPLITS = ("train", "eval", "test")
UNLABELLED = "unlabelled"
"""Split of clips without labels: embedded and predicted, not used for training or scores."""

SplitName = Literal["train", "eval", "test"]


class SplitSettings(KindSettings):
    """Assignment of clips to train, eval and test (`split`)."""

    kind: Literal["hash", "tables", "column", "fold", "lists", "folders", "speech_commands"] = (
        Field(
            default="hash",
            description=(
                "Source of the splits. `hash`: groups by shares. `tables`, `column`: the manifest. "
                "`fold`: the manifest or the names. `lists`: list files. `folders`: folders by "
                "name. "
                "`speech_commands`: the rule of that data set."
            ),
        )
    )
    train: float = Field(default=0.8, gt=0, lt=1, description="Share of train.")
    eval: float = Field(default=0.1, gt=0, lt=1, description="Share of eval.")
    test: float = Field(default=0.1, gt=0, lt=1, description="Share of test.")
    seed: int = Field(default=0, description="Seed of the assignment.")
    allow_missing: bool = Field(
        default=False,
        description="Whether a class may have no clips in a split; the run stops otherwise.",
    )
    test_fold: int | str | None = Field(default=None, description="Fold of test.")
    eval_fold: int | str | None = Field(default=None, description="Fold of eval; null: by share.")
    train_list: str | None = Field(
        default=None, description="File of paths, one per line; default: all that no list names."
    )
    eval_list: str | None = Field(default=None, description="File of paths of eval.")
    test_list: str | None = Field(default=None, description="File of paths of test.")
    train_folder: str | None = Field(
        default=None, description="Folder below the root; default: all files outside the others."
    )
    eval_folder: str | None = Field(default=None, description="Folder of eval.")
    test_folder: str | None = Field(default=None, description="Folder of test.")

    @property
    def eval_share(self) -> float:
        """The share of eval in the clips outside test, if only test is given."""
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
        self._refuse_keys_outside(
            {"kind", "train", "eval", "test", "seed", "allow_missing"} | of_this
        )
        needed = next((key for key in of_this if key.startswith("test_")), None)
        if needed and getattr(self, needed) is None:
            raise ValueError(f"kind {self.kind!r} needs {needed!r}")
        if self.kind == "fold" and str(self.test_fold) == str(self.eval_fold):
            raise ValueError("test_fold and eval_fold are the same")
        return self
