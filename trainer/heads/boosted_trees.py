"""Gradient-boosted trees of XGBoost."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf
import xgboost

from schema.config.classical_head_settings import XgboostSettings
from trainer.heads.decision_trees import DecisionTree, TreeEnsemble
from trainer.heads.fitted_arrays import fitted_variable
from vggish.errors import ConfigError
from vggish.progress import Progress

_LEAST_PROBABILITY = 1e-6
"""Distance that XGBoost keeps between the prior of a label and 0 or 1."""


Blocks = Callable[[], Iterator[np.ndarray]]
"""Function to the reduced features of a split, in blocks [clips, D]."""


class BoostedTreeScores(tf.Module):
    """Class probabilities from the sums of the trees' leaf values.

    Args:
        trees: The trees.
        leaf_values: Value of each leaf, float32 [nodes of all trees].
        class_of_tree: Class of each tree, int [trees].
        base: Initial value of the sums, float32 [classes].
        multi_label: Whether every label has its own probability.
    """

    def __init__(
        self,
        trees: TreeEnsemble,
        leaf_values: np.ndarray,
        class_of_tree: np.ndarray,
        base: np.ndarray,
        *,
        multi_label: bool,
    ):
        super().__init__(name="xgboost")
        self._trees = trees
        self._leaf_values = fitted_variable("trees.leaf_values", leaf_values)
        self._class_of_tree = fitted_variable("trees.class_of_tree", class_of_tree.astype(np.int32))
        self._base = fitted_variable("trees.base", base)
        self._link = tf.sigmoid if multi_label else tf.nn.softmax

    def __call__(self, features: tf.Tensor) -> tf.Tensor:
        """Scores [batch, D]."""
        by_tree = tf.transpose(tf.gather(self._leaf_values, self._trees(features)))
        sums = tf.math.unsorted_segment_sum(by_tree, self._class_of_tree, self._base.shape[0])
        return self._link(tf.transpose(sums) + self._base)


def fit_xgboost(
    train: tuple[Blocks, np.ndarray],
    evaluation: tuple[Blocks, np.ndarray],
    settings: XgboostSettings,
    seed: int,
) -> tuple[xgboost.Booster, BoostedTreeScores, dict[str, list[float]]]:
    """Fits boosted trees until the loss on the eval split stops falling.

    XGBoost reads the features a block at a time, and keeps the histogram bin of each number, a
    byte, instead of the number.

    Args:
        train: Features and targets of the training split: class ids [clips]; or, for several
            labels, ones and zeros [clips, classes]. Each label then gets its own trees.
        evaluation: Features and targets of the eval split.
        settings: Settings of the head.
        seed: Seed of the draw of features for each tree.

    Returns:
        XGBoost's model of the round with the lowest eval loss, the same model in TensorFlow, and
        the curves `loss` and `val_loss` by round.

    Raises:
        ConfigError: The settings ask for a GPU that this XGBoost cannot use, or for `balanced` on
            clips with several labels.
    """
    multi_label = train[1].ndim > 1
    metric = "logloss" if multi_label else "mlogloss"
    objective = (
        {"objective": "binary:logistic"}
        if multi_label
        else {"objective": "multi:softprob", "num_class": int(train[1].max()) + 1}
    )
    parameters = {
        **objective,
        "eval_metric": metric,
        "max_depth": settings.max_depth,
        "eta": settings.eta,
        "colsample_bytree": settings.colsample_bytree,
        "device": _device(settings.device),
        "seed": seed,
    }
    weights = _class_weights(train[1], balanced=settings.balanced)
    matrix = xgboost.QuantileDMatrix(_ClipBlocks(*train, weights))
    eval_matrix = xgboost.QuantileDMatrix(_ClipBlocks(*evaluation, weights), ref=matrix)
    curves: dict[str, dict[str, list[float]]] = {}
    booster = xgboost.train(
        parameters,
        matrix,
        settings.rounds,
        evals=[(matrix, "loss"), (eval_matrix, "val_loss")],
        evals_result=curves,
        verbose_eval=False,
        callbacks=[
            xgboost.callback.EarlyStopping(settings.early_stopping_rounds, save_best=True),
            _LogRounds(settings.rounds),
        ],
    )
    history = {name: values[metric] for name, values in curves.items()}
    return booster, lower_booster(booster), history


def lower_booster(booster: xgboost.Booster) -> BoostedTreeScores:
    """Lowers a model of `multi:softprob` or of several `binary:logistic` labels to TensorFlow.

    Args:
        booster: Model of numerical features.

    Returns:
        A module that gives the same scores for the same float32 features.
    """
    learner = json.loads(booster.save_raw("json"))["learner"]
    model = learner["gradient_booster"]["model"]
    trees = model["trees"]
    multi_label = learner["objective"]["name"] == "binary:logistic"
    base = np.array(json.loads(learner["learner_model_param"]["base_score"]), np.float32)
    if multi_label:
        prior = np.clip(base, _LEAST_PROBABILITY, 1 - _LEAST_PROBABILITY)
        base = np.log(prior / (1 - prior))
    return BoostedTreeScores(
        TreeEnsemble([_tree(tree) for tree in trees], tf.less),
        np.concatenate([_float32(tree["split_conditions"]) for tree in trees]),
        np.array(model["tree_info"]),
        base,
        multi_label=multi_label,
    )


def _tree(tree: dict[str, Any]) -> DecisionTree:
    return DecisionTree(
        feature=np.array(tree["split_indices"]),
        threshold=_float32(tree["split_conditions"]),
        left=np.array(tree["left_children"]),
        right=np.array(tree["right_children"]),
        nan_goes_left=np.array(tree["default_left"]),
    )


def _float32(numbers: list[float]) -> np.ndarray:
    """Reads XGBoost's numbers: the shortest decimals that give the same float32 again."""
    return np.array(numbers, np.float32)


def _class_weights(targets: np.ndarray, *, balanced: bool) -> np.ndarray | None:
    """Returns the weight of a clip of each class, 1 on average, float [classes]."""
    if not balanced:
        return None
    if targets.ndim > 1:
        raise ConfigError(
            "model.xgboost.balanced is for clips with one label, because XGBoost weights clips, "
            "not labels; set it to false."
        )
    counts = np.bincount(targets)
    return len(targets) / (len(counts) * counts)


class _ClipBlocks(xgboost.DataIter):
    """The blocks of a split, which XGBoost reads several times."""

    def __init__(self, blocks: Blocks, targets: np.ndarray, class_weights: np.ndarray | None):
        super().__init__()
        self._blocks = blocks
        self._targets = targets
        self._class_weights = class_weights
        self.reset()

    def reset(self) -> None:
        """Called by XGBoost before each reading."""
        self._reading = self._blocks()
        self._begin = 0

    def next(self, input_data: Callable[..., None]) -> bool:
        """Called by XGBoost for the next block; False: there is none."""
        block = next(self._reading, None)
        if block is None:
            return False
        targets = self._targets[self._begin : self._begin + len(block)]
        weights = None if self._class_weights is None else self._class_weights[targets]
        input_data(data=block.astype(np.float32), label=targets, weight=weights)
        self._begin += len(block)
        return True


def _device(wanted: str) -> str:
    """Returns XGBoost's device; its `cuda` falls back to the CPU without a GPU."""
    with_cuda = xgboost.build_info()["USE_CUDA"]
    if wanted == "cuda" and not with_cuda:
        raise ConfigError(
            "model.xgboost.device is cuda, but the installed XGBoost was built without CUDA; "
            "install the package xgboost instead of xgboost-cpu, or choose cpu."
        )
    return "cuda" if with_cuda and wanted != "cpu" else "cpu"


class _LogRounds(xgboost.callback.TrainingCallback):
    """Reports the progress of the training."""

    def __init__(self, rounds: int):
        super().__init__()
        self._progress = Progress("rounds", rounds)

    def after_iteration(
        self, model: xgboost.Booster, epoch: int, evals_log: dict[str, Any]
    ) -> bool:
        """Called by XGBoost; True would stop."""
        del model, epoch, evals_log
        self._progress.advance()
        return False
