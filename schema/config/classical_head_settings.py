"""Settings of the classical heads, one section per head."""

from typing import Annotated, Literal

from pydantic import Field

from schema.config.settings import Settings

Balanced = Annotated[
    bool, Field(description="Whether rare classes weigh as much as frequent ones.")
]


class ReductionSettings(Settings):
    """Reduction of the features before a classical head is fitted."""

    standardise: bool = Field(
        default=True,
        description="Whether to scale features to mean 0 and deviation 1, clipped to +-5.",
    )
    pca: Annotated[int, Field(gt=0)] | None = Field(
        default=256,
        description="Maximum number of whitened principal components; null: no PCA.",
    )


class TreeReductionSettings(ReductionSettings):
    """Reduction of the features for trees, whose cost grows with every feature."""

    pca: Annotated[int, Field(gt=0)] | None = Field(
        default=128,
        description="Maximum number of whitened principal components; null: no PCA.",
    )


class XgboostSettings(TreeReductionSettings):
    """Gradient-boosted trees (`model.xgboost`); the names are XGBoost's own."""

    rounds: int = Field(default=300, gt=0, description="Maximum number of boosting rounds.")
    early_stopping_rounds: int = Field(
        default=20, gt=0, description="Rounds without a lower eval loss before training stops."
    )
    max_depth: int = Field(default=4, gt=0, description="Maximum depth of a tree.")
    eta: float = Field(default=0.2, gt=0, le=1, description="Learning rate.")
    colsample_bytree: float = Field(
        default=0.3, gt=0, le=1, description="Share of the features that each tree may use."
    )
    balanced: Balanced = False
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="Device; `auto`: a GPU if XGBoost can use one."
    )


class LogisticRegressionSettings(ReductionSettings):
    """Multinomial logistic regression (`model.logistic_regression`)."""

    c: float = Field(default=0.1, gt=0, description="Inverse of the L2 regularisation strength.")
    balanced: Balanced = False
    max_iter: int = Field(default=1000, gt=0, description="Maximum number of solver iterations.")


class LinearSvmSettings(ReductionSettings):
    """One linear support-vector machine per class (`model.linear_svm`)."""

    c: float = Field(default=0.01, gt=0, description="Penalty of clips within the margin.")
    balanced: Balanced = False
    max_iter: int = Field(default=5000, gt=0, description="Maximum number of solver iterations.")


class RbfSvmSettings(ReductionSettings):
    """One support-vector machine with a Gaussian kernel per class (`model.rbf_svm`)."""

    c: float = Field(default=1.0, gt=0, description="Penalty of clips within the margin.")
    balanced: Balanced = False
    gamma: Annotated[float, Field(gt=0)] | Literal["scale"] = Field(
        default="scale",
        description="Kernel coefficient in exp(-gamma d^2); `scale`: 1 / (D variance).",
    )


class KnnSettings(ReductionSettings):
    """The share of the nearest training clips that have a label (`model.knn`)."""

    neighbours: int = Field(default=10, gt=0, description="Number of neighbours.")
    metric: Literal["cosine", "euclidean"] = Field(default="cosine", description="Distance metric.")


class RandomForestSettings(TreeReductionSettings):
    """A random forest (`model.random_forest`)."""

    trees: int = Field(default=300, gt=0, description="Number of trees.")
    balanced: Balanced = False
    max_depth: Annotated[int, Field(gt=0)] | None = Field(
        default=None, description="Maximum depth of a tree; null: until its leaves are pure."
    )
    min_samples_leaf: int = Field(
        default=1, gt=0, description="Minimum number of training clips in a leaf."
    )


class LinearDiscriminantSettings(ReductionSettings):
    """Linear discriminant analysis (`model.linear_discriminant`)."""

    balanced: Balanced = False
    shrinkage: Annotated[float, Field(ge=0, le=1)] | Literal["auto"] | None = Field(
        default=None,
        description="Shrinkage of the covariance; `auto`: by Ledoit and Wolf; null: none.",
    )
