"""The devices and processes that train one model together, by `tf.distribute`."""

import tensorflow as tf

from trainer.workers.share import Share
from vggish.errors import ConfigError

_TRAIN = ("chief", "worker")
"""The tasks of TF_CONFIG that train; the first one writes the files."""


def is_in_cluster() -> bool:
    """Whether TF_CONFIG, which a platform sets for each process, names several workers."""
    return len(_tasks(tf.distribute.cluster_resolver.TFConfigClusterResolver())) > 1


def training_strategy(workers: int) -> tf.distribute.Strategy:
    """Returns the strategy of a training, in whose scope its model must be built.

    It must be called before this process does anything else with TensorFlow.

    Args:
        workers: `train.workers`.

    Returns:
        Of several processes, MultiWorkerMirroredStrategy; of several GPUs in one process,
        MirroredStrategy; otherwise TensorFlow's default.

    Raises:
        ConfigError: TF_CONFIG names another number of workers.
    """
    given = max(1, len(_tasks(tf.distribute.cluster_resolver.TFConfigClusterResolver())))
    if given != workers:
        raise ConfigError(
            f"The training has train.workers {workers}, but TF_CONFIG names {given}; set both to "
            "the same number (heads that are not dense have one worker)."
        )
    if given > 1:
        return tf.distribute.MultiWorkerMirroredStrategy()
    if len(tf.config.list_logical_devices("GPU")) > 1:
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()


def wait_for_all(strategy: tf.distribute.Strategy) -> None:
    """Waits until all processes of a training have come here, thus until its files are written.

    TFX fails a Trainer that returns before there is a model.

    Args:
        strategy: Strategy of the training.
    """

    def meet() -> tf.Tensor:
        replica = tf.distribute.get_replica_context()
        return replica.all_reduce(tf.distribute.ReduceOp.SUM, tf.constant(1.0))

    tf.function(lambda: strategy.run(meet), autograph=False)()


def own_share() -> Share:
    """Returns the share of this process, by the strategy in whose scope it is."""
    strategy = tf.distribute.get_strategy()
    replicas = strategy.num_replicas_in_sync
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return Share(replicas=replicas)
    resolver = strategy.cluster_resolver
    tasks = _tasks(resolver)
    return Share(tasks.index((resolver.task_type, resolver.task_id)), len(tasks), replicas)


def _tasks(resolver: tf.distribute.cluster_resolver.ClusterResolver) -> list[tuple[str, int]]:
    spec = resolver.cluster_spec()
    return [(job, i) for job in _TRAIN if job in spec.jobs for i in range(spec.num_tasks(job))]
