"""Decision trees by the thousand, walked all at once with core TensorFlow ops."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from trainer.heads.fitted_arrays import stored


@dataclass(frozen=True)
class Tree:
    """One binary tree; every array is [nodes], and node 0 is the root.

    Attributes:
        feature: Which feature a node asks for.
        threshold: float32, what the feature is compared with.
        left: The node to go to where the comparison holds, -1 of a leaf.
        right: The other one.
        nan_goes_left: Where a clip goes whose feature is not a number.
    """

    feature: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray
    nan_goes_left: np.ndarray


class Trees(tf.Module):
    """Finds the leaf of every tree that a clip ends in.

    All nodes of all trees are in one table, and all clips take one step down all trees at once, so
    that the number of ops depends on the depth only. A leaf leads to itself.

    Args:
        trees: In the order of the leaves wanted.
        holds: The comparison of a feature with a threshold, both float32: XGBoost goes left where
            the feature is less, scikit-learn where it is less or equal.
    """

    def __init__(self, trees: Sequence[Tree], holds: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]):
        super().__init__(name="trees")
        sizes = [len(tree.feature) for tree in trees]
        roots = np.cumsum([0, *sizes[:-1]])
        table = {
            name: np.concatenate([getattr(tree, name) for tree in trees])
            for name in Tree.__dataclass_fields__
        }
        is_leaf = table["left"] < 0
        own = np.arange(len(is_leaf))
        # By 2 * node + (1 where the comparison holds).
        children = np.stack(
            [
                np.where(is_leaf, own, table[side] + np.repeat(roots, sizes))
                for side in ("right", "left")
            ],
            axis=1,
        )
        self._depth = _depth(roots, children)
        self._holds = holds
        self._roots = stored("trees.roots", roots.astype(np.int32))
        self._children = stored("trees.children", children.ravel().astype(np.int32))
        self._feature = stored(
            "trees.feature", np.where(is_leaf, 0, table["feature"]).astype(np.int32)
        )
        self._threshold = stored("trees.threshold", table["threshold"].astype(np.float32))
        self._nan_goes_left = stored("trees.nan_goes_left", table["nan_goes_left"].astype(bool))

    def __call__(self, features: tf.Tensor) -> tf.Tensor:
        """Walks down.

        Args:
            features: [batch, D]; compared as float32, as both libraries do.

        Returns:
            The leaves, int32 [batch, trees], numbered through all nodes of all trees.
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
    """Steps from the root to the leaf that is farthest from its own."""
    depth, nodes = 0, roots
    while True:
        below = children[nodes]
        inner = nodes[below[:, 0] != nodes]
        if not len(inner):
            return depth
        depth, nodes = depth + 1, children[inner].ravel()
