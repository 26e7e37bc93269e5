"""How clips are assigned to train, eval and test (`split`)."""

from typing import Literal

from pydantic import Field, model_validator

from schema.config.settings import KindSettings

SPLITS = ("train", "eval", "test")
UNLABELLED = "unlabelled"
"""The split of clips without labels: embedded and predicted, never learned from or scored."""

SplitName = Literal["train", "eval", "test"]


class SplitSettings(KindSettings):
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
        self._refuse_keys_outside({"kind", "train", "eval", "test", "seed"} | of_this)
        needed = next((key for key in of_this if key.startswith("test_")), None)
        if needed and getattr(self, needed) is None:
            raise ValueError(f"kind {self.kind!r} needs {needed!r}")
        if self.kind == "fold" and str(self.test_fold) == str(self.eval_fold):
            raise ValueError("test_fold and eval_fold are the same")
        return self
