"""Ensembles of decision trees, evaluated all at once with core TensorFlow ops."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from trainer.heads.fitted_arrays import fitted_variable


@dataclass(frozen=True)
class DecisionTree:
    """One binary tree; every array is [nodes], and node 0 is the root.

    Attributes:
        feature: Index of the feature that a node compares.
        threshold: Threshold of the comparison, float32.
        left: Child node if the comparison holds; -1 for a leaf.
        right: Child node if it does not hold; -1 for a leaf.
        nan_goes_left: Whether a clip whose feature is NaN goes to the left child.
    """

    feature: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray
    nan_goes_left: np.ndarray


class TreeEnsemble(tf.Module):
    """Finds the leaf of every tree in which a clip ends.

    One table holds all nodes of all trees, and all clips take one step down all trees at once. The
    number of ops thus depends only on the depth. A leaf is its own child.

    Args:
        trees: Trees, in the order of the returned leaves.
        holds: Comparison of a feature with a threshold, both float32: XGBoost goes left if the
            feature is less, scikit-learn if it is less or equal.
    """

    def __init__(
        self, trees: Sequence[DecisionTree], holds: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
    ):
        super().__init__(name="trees")
        sizes = [len(tree.feature) for tree in trees]
        roots = np.cumsum([0, *sizes[:-1]])
        table = {
            name: np.concatenate([getattr(tree, name) for tree in trees])
            for name in DecisionTree.__dataclass_fields__
        }
        is_leaf = table["left"] < 0
        own = np.arange(len(is_leaf))
        # Index: 2 * node + (1 if the comparison holds).
        children = np.stack(
            [
                np.where(is_leaf, own, table[side] + np.repeat(roots, sizes))
                for side in ("right", "left")
            ],
            axis=1,
        )
        self._depth = _depth(roots, children)
        self._holds = holds
        self._roots = fitted_variable("trees.roots", roots.astype(np.int32))
        self._children = fitted_variable("trees.children", children.ravel().astype(np.int32))
        self._feature = fitted_variable(
            "trees.feature", np.where(is_leaf, 0, table["feature"]).astype(np.int32)
        )
        self._threshold = fitted_variable("trees.threshold", table["threshold"].astype(np.float32))
        self._nan_goes_left = fitted_variable(
            "trees.nan_goes_left", table["nan_goes_left"].astype(bool)
        )

    def __call__(self, features: tf.Tensor) -> tf.Tensor:
        """Walks down all trees.

        Args:
            features: Features [batch, D], compared as float32, as in both libraries.

        Returns:
            Leaves, int32 [batch, trees], as indices into the nodes of all trees.
        """
        features = tf.cast(features, tf.float32)
        nodes = tf.repeat(self._roots[tf.newaxis], tf.shape(features)[0], axis=0)
        for _ in range(self._depth):
            values = tf.gather(features, tf.gather(self._feature, nodes), batch_dims=1)
            left = tf.where(
                tf.math.is_nan(values),
                tf.gather(self._nan_goes_left, nodes),
                self._holds(values, tf.gather(self._threshold, nodes)),
            )
            nodes = tf.gather(self._children, 2 * nodes + tf.cast(left, tf.int32))
        return nodes


def _depth(roots: np.ndarray, children: np.ndarray) -> int:
    """Returns the depth of the deepest tree."""
    depth, nodes = 0, roots
    while True:
        below = children[nodes]
        inner = nodes[below[:, 0] != nodes]
        if not len(inner):
            return depth
        depth, nodes = depth + 1, children[inner].ravel()
