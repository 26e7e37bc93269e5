"""The random forest."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import tensorflow as tf
from sklearn.ensemble import RandomForestClassifier

from schema.config.classical_head_settings import RandomForestSettings
from trainer.heads.decision_trees import DecisionTree, TreeEnsemble
from trainer.heads.fitted_arrays import fitted_variable
from vggish.errors import ConfigError


class RandomForestScores(tf.Module):
    """Mean class shares of the leaves in which a clip ends.

    Args:
        trees: The trees.
        leaf_shares: Class shares of the nodes of each tree, float64 [nodes, classes].
    """

    def __init__(self, trees: TreeEnsemble, leaf_shares: Iterable[np.ndarray]):
        super().__init__(name="random_forest")
        self._trees = trees
        # Nearly all leaves are pure, so few rows differ; a full table would dwarf the trees.
        by_tree = [np.unique(shares, axis=0, return_inverse=True) for shares in leaf_shares]
        rows, row_of = np.unique(
            np.concatenate([rows for rows, _ in by_tree]), axis=0, return_inverse=True
        )
        begins = np.cumsum([0, *(len(rows) for rows, _ in by_tree)])
        row_of_node = [
            row_of.ravel()[begin + nodes.ravel()]
            for begin, (_, nodes) in zip(begins[:-1], by_tree, strict=True)
        ]
        self._rows = fitted_variable("classifier.shares", rows)
        self._row_of_node = fitted_variable(
            "classifier.row_of_node", np.concatenate(row_of_node).astype(np.int32)
        )

    def __call__(self, features: tf.Tensor) -> tf.Tensor:
        """Scores [batch, D]."""
        rows = tf.gather(self._row_of_node, self._trees(features))
        return tf.reduce_mean(tf.gather(self._rows, rows), axis=1)


def fit_random_forest(
    features: np.ndarray, targets: np.ndarray, settings: RandomForestSettings, seed: int
) -> tuple[Any, RandomForestScores]:
    """Fits a forest; its scores are the probabilities of `predict_proba`.

    Args:
        features: float64 [clips, D].
        targets: Class ids [clips]; or, for several labels, ones and zeros [clips, classes]. Every
            tree then learns all labels.
        settings: Settings of the head.
        seed: Seed of the draws of clips and features for each tree.

    Returns:
        scikit-learn's classifier, and the same in TensorFlow.

    Raises:
        ConfigError: `balanced` is set for clips with several labels.
    """
    if settings.balanced and targets.ndim > 1:
        raise ConfigError(
            "model.random_forest.balanced is for clips with one label, because labels share the "
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
    leaf_shares = (_leaf_shares(tree, several=targets.ndim > 1) for tree in trees)
    return fitted, RandomForestScores(
        TreeEnsemble([_tree(t) for t in trees], tf.less_equal), leaf_shares
    )


def _leaf_shares(tree: Any, *, several: bool) -> np.ndarray:
    """Returns the class shares of leaves, and zeros of other nodes."""
    # [nodes, outputs, shares]: one output with all classes, or per label one with its no and yes.
    shares = tree.value[:, :, 1] if several else tree.value[:, 0]
    leaf: np.ndarray = tree.children_left < 0
    return np.where(leaf[:, np.newaxis], shares, 0)


def _tree(tree: Any) -> DecisionTree:
    return DecisionTree(
        feature=tree.feature,
        threshold=round_down_to_float32(tree.threshold),
        left=tree.children_left,
        right=tree.children_right,
        nan_goes_left=np.zeros(tree.node_count, bool),
    )


def round_down_to_float32(thresholds: np.ndarray) -> np.ndarray:
    """Returns the greatest float32 that is not above a float64.

    scikit-learn compares float32 features with float64 thresholds. The rounded threshold gives the
    same outcome for every float32.
    """
    rounded = thresholds.astype(np.float32)
    return np.where(rounded > thresholds, np.nextafter(rounded, np.float32(-np.inf)), rounded)
