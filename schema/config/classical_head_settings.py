"""What a configuration may say about each classical head, one section a head."""

from typing import Annotated, Literal

from pydantic import Field

from schema.config.settings import Settings

Balanced = Annotated[bool, Field(description="Count every class alike, however few its clips.")]


class ReductionSettings(Settings):
    """What happens to the features before any classical head sees them."""

    standardise: bool = Field(
        default=True, description="Bring every feature to mean 0 and deviation 1, within +-5."
    )
    pca: Annotated[int, Field(gt=0)] | None = Field(
        default=256,
        description="Principal components, whitened, at most; null: the features as they are.",
    )


class TreeReductionSettings(ReductionSettings):
    """The same for heads made of trees, whose cost grows with every feature."""

    pca: Annotated[int, Field(gt=0)] | None = Field(
        default=128,
        description="Principal components, whitened, at most; null: the features as they are.",
    )


class XgboostSettings(TreeReductionSettings):
    """Gradient-boosted trees (`model.xgboost`); the names are XGBoost's own."""

    rounds: int = Field(default=300, gt=0, description="Boosting rounds, at most.")
    early_stopping_rounds: int = Field(
        default=20, gt=0, description="Rounds without a lower eval loss after which to stop."
    )
    max_depth: int = Field(default=4, gt=0, description="Of a tree.")
    eta: float = Field(default=0.2, gt=0, le=1, description="The learning rate.")
    colsample_bytree: float = Field(
        default=0.3, gt=0, le=1, description="Share of the features that a tree may ask for."
    )
    balanced: Balanced = False
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="`auto`: a GPU where there is one that XGBoost can use."
    )


class LogisticRegressionSettings(ReductionSettings):
    """Multinomial logistic regression (`model.logistic_regression`)."""

    c: float = Field(default=0.1, gt=0, description="Inverse of the L2 regularisation.")
    balanced: Balanced = False
    max_iter: int = Field(default=1000, gt=0, description="Steps of the solver, at most.")


class LinearSvmSettings(ReductionSettings):
    """One linear support-vector machine a class (`model.linear_svm`)."""

    c: float = Field(default=0.01, gt=0, description="The price of a clip within the margin.")
    balanced: Balanced = False
    max_iter: int = Field(default=5000, gt=0, description="Steps of the solver, at most.")


class RbfSvmSettings(ReductionSettings):
    """One support-vector machine with a Gaussian kernel a class (`model.rbf_svm`)."""

    c: float = Field(default=1.0, gt=0, description="The price of a clip within the margin.")
    balanced: Balanced = False
    gamma: Annotated[float, Field(gt=0)] | Literal["scale"] = Field(
        default="scale", description="The kernel is exp(-gamma d^2); `scale`: 1 / (D variance)."
    )


class KnnSettings(ReductionSettings):
    """The share of the nearest training clips that have a label (`model.knn`)."""

    neighbours: int = Field(default=10, gt=0, description="How many are asked.")
    metric: Literal["cosine", "euclidean"] = Field(default="cosine", description="What is near.")


class RandomForestSettings(TreeReductionSettings):
    """A random forest (`model.random_forest`)."""

    trees: int = Field(default=300, gt=0)
    balanced: Balanced = False
    max_depth: Annotated[int, Field(gt=0)] | None = Field(
        default=None, description="Of a tree; null: until its leaves are pure."
    )
    min_samples_leaf: int = Field(default=1, gt=0, description="Training clips of a leaf.")


class LinearDiscriminantSettings(ReductionSettings):
    """Linear discriminant analysis (`model.linear_discriminant`)."""

    balanced: Balanced = False
    shrinkage: Annotated[float, Field(ge=0, le=1)] | Literal["auto"] | None = Field(
        default=None, description="Of the covariance, `auto` by Ledoit and Wolf."
    )
