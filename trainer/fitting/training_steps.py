"""The steps of a training, over all replicas of its model."""

from collections.abc import Iterator

import keras
import tensorflow as tf

from trainer.fitting.mixup import ClipInputs
from trainer.fitting.objective import Objective
from trainer.workers.strategy import own_share

type _Batch = tuple[ClipInputs, tf.Tensor]


class TrainingSteps:
    """Learns from batches and measures them, on every device of a `tf.distribute` strategy.

    A replica takes its part of the batch that its process reads. The loss is the mean over the
    clips of all replicas, so that parts of unequal size change nothing.

    Keras's own `fit` cannot train on several processes: with Keras 3.15 it ends under
    MultiWorkerMirroredStrategy before the first step. It also weighs unequal parts equally.

    Args:
        model: Model that was built in the scope of the strategy that is in use.
        optimizer: Optimizer that is built for it.
        objective: Loss and metrics, built in the same scope.
    """

    def __init__(
        self, model: keras.Model, optimizer: keras.optimizers.Optimizer, objective: Objective
    ):
        self._model = model
        self.optimizer = optimizer
        self._loss = objective.loss
        self._metrics = [keras.metrics.Mean(name="loss"), *objective.metrics]
        strategy, share = tf.distribute.get_strategy(), own_share()
        self._replicas_here = share.replicas // share.workers
        self._learn_step, self._measure_step = (
            tf.function(
                lambda batches, step=step: strategy.run(step, args=next(batches)),
                autograph=False,
                reduce_retracing=True,
            )
            for step in (self._learn, self._measure)
        )

    def learn(self, batches: Iterator[_Batch]) -> None:
        """Takes one step with the next batch of a dataset's iterator."""
        self._learn_step(batches)

    def measure(self, batches: tf.data.Dataset) -> None:
        """Measures all batches; every process may have its own number of them."""
        iterator = iter(batches)
        for _ in range(int(batches.cardinality())):
            self._measure_step(iterator)

    def take_results(self) -> dict[str, float]:
        """Returns the loss and the metrics of all clips since the last call, on all processes."""
        results = {metric.name: float(metric.result()) for metric in self._metrics}
        for metric in self._metrics:
            metric.reset_state()
        return results

    def _learn(self, inputs: ClipInputs, targets: tf.Tensor) -> None:
        inputs, targets, _ = self._own_part(inputs, targets)
        own = tf.cast(tf.shape(targets)[0], tf.float32)
        clips = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, own)
        weights = self._model.trainable_weights
        with tf.GradientTape() as tape:
            scores = self._model(inputs, training=True)
            losses = self._loss(targets, scores)
            part_of_mean = tf.reduce_sum(losses) / clips
        # The optimizer adds up the gradients of all replicas.
        self.optimizer.apply(tape.gradient(part_of_mean, weights), weights)
        self._note(targets, scores, losses, tf.ones_like(losses))

    def _measure(self, inputs: ClipInputs, targets: tf.Tensor) -> None:
        inputs, targets, counts = self._own_part(inputs, targets)
        scores = self._model(inputs, training=False)
        losses = self._loss(targets, scores)
        self._note(targets, scores, losses, tf.fill(tf.shape(losses), counts))

    def _own_part(
        self, inputs: ClipInputs, targets: tf.Tensor
    ) -> tuple[ClipInputs, tf.Tensor, tf.Tensor]:
        """Takes this replica's part of a batch, and 1; or, if that is empty, any clip, and 0."""
        if self._replicas_here == 1:
            return inputs, targets, tf.constant(1.0)
        own = tf.distribute.get_replica_context().replica_id_in_sync_group % self._replicas_here
        clips = tf.shape(targets)[0]
        inputs, targets = tf.nest.map_structure(
            lambda whole: whole[own % clips :: self._replicas_here], (inputs, targets)
        )
        return inputs, targets, tf.cast(own < clips, tf.float32)

    def _note(
        self, targets: tf.Tensor, scores: tf.Tensor, losses: tf.Tensor, counts: tf.Tensor
    ) -> None:
        mean_loss, *others = self._metrics
        mean_loss.update_state(losses, sample_weight=counts)
        for metric in others:
            metric.update_state(targets, scores, sample_weight=counts)
