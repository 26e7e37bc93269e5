"""The random forest."""

from typing import Any

import numpy as np
import tensorflow as tf
from sklearn.ensemble import RandomForestClassifier

from schema.config.classical_head_settings import RandomForestSettings
from trainer.heads.decision_trees import Tree, Trees
from trainer.heads.fitted_arrays import stored
from vggish.errors import ConfigError


class ForestScores(tf.Module):
    """The mean over trees of the class shares of the leaf that a clip ends in.

    Args:
        trees: The trees.
        leaf_shares: float64 [nodes of all trees, classes].
    """

    def __init__(self, trees: Trees, leaf_shares: np.ndarray):
        super().__init__(name="random_forest")
        self._trees = trees
        # Nearly all leaves are pure: few different rows, and a table of all would dwarf the trees.
        rows, row_of_node = np.unique(leaf_shares, axis=0, return_inverse=True)
        self._rows = stored("classifier.shares", rows)
        self._row_of_node = stored("classifier.row_of_node", row_of_node.ravel().astype(np.int32))

    def __call__(self, features: tf.Tensor) -> tf.Tensor:
        """Scores [batch, D]."""
        rows = tf.gather(self._row_of_node, self._trees(features))
        return tf.reduce_mean(tf.gather(self._rows, rows), axis=1)


def fit_random_forest(
    features: np.ndarray, targets: np.ndarray, settings: RandomForestSettings, seed: int
) -> tuple[Any, ForestScores]:
    """Fits a forest; its scores are the probabilities of `predict_proba`.

    Args:
        features: float64 [clips, D].
        targets: Class ids [clips], or ones and zeros [clips, classes] where a clip may have
            several labels, all of which every tree then learns.
        settings: Of the head.
        seed: Of the clips and features that each tree sees.

    Returns:
        What scikit-learn fitted, and the same in TensorFlow.

    Raises:
        ConfigError: `balanced` where a clip may have several labels.
    """
    if settings.balanced and targets.ndim > 1:
        raise ConfigError(
            "model.random_forest.balanced is for clips with one label, since all labels share the "
            "trees; set it to false."
        )
    fitted = RandomForestClassifier(
        settings.trees,
        max_depth=settings.max_depth,
        min_samples_leaf=settings.min_samples_leaf,
        class_weight="balanced" if settings.balanced else None,
        random_state=seed,
        n_jobs=-1,
    ).fit(features, targets)
    trees = [estimator.tree_ for estimator in fitted.estimators_]
    values = np.concatenate([tree.value for tree in trees])
    # [nodes, outputs, shares]: one output with all classes, or one a label with its no and yes.
    leaf_shares = values[:, :, 1] if targets.ndim > 1 else values[:, 0]
    return fitted, ForestScores(Trees([_tree(t) for t in trees], tf.less_equal), leaf_shares)


def _tree(tree: Any) -> Tree:
    return Tree(
        feature=tree.feature,
        threshold=float32_below(tree.threshold),
        left=tree.children_left,
        right=tree.children_right,
        nan_goes_left=np.zeros(tree.node_count, bool),
    )


def float32_below(thresholds: np.ndarray) -> np.ndarray:
    """The greatest float32 that is no greater than a float64.

    scikit-learn compares float32 features with float64 thresholds; with this number the outcome is
    the same for every float32.
    """
    rounded = thresholds.astype(np.float32)
    return np.where(rounded > thresholds, np.nextafter(rounded, np.float32(-np.inf)), rounded)
