"""The faults of the items of a request to a served model, as TensorFlow graph code.

A server gathers the items of several clients into one batch. A faulty item must not fail the
others, so its fault is a text of its own in the answer.
"""

from collections.abc import Callable

import tensorflow as tf

from vggish.params import SAMPLE_RATE

_MAX_SENTENCES = 32
"""Maximum number of sentences in an error status: gRPC carries about 8 kB."""

ItemFault = tuple[tf.Tensor, Callable[[], tf.Tensor]]
"""Mask of the faulty items of a batch, bool [batch]; and a function to the texts of their faults,
string [batch] or []. A text continues "The item", and is made only if an item is faulty."""


def first_faults(faults: list[ItemFault]) -> tf.Tensor:
    """Returns a sentence for each faulty item of a batch.

    Args:
        faults: Possible faults, the most basic first.

    Returns:
        The first fault of each item, string [batch]; empty if it has none.
    """
    faulty = tf.stack([mask for mask, _ in faults], axis=1)
    batch = tf.shape(faulty)[:1]
    has_fault = tf.reduce_any(faulty, axis=1)

    def sentences() -> tf.Tensor:
        texts = tf.stack([tf.broadcast_to(text(), batch) for _, text in faults], axis=1)
        first = tf.gather(texts, tf.argmax(faulty, axis=1), batch_dims=1)
        return tf.where(has_fault, tf.strings.join(["The item ", first]), "")

    return tf.cond(tf.reduce_any(has_fault), sentences, lambda: tf.fill(batch, ""))


def refuse_without_good_item(errors: tf.Tensor) -> tf.Operation:
    """Fails if every item of a batch is faulty, so that no client can take the answer for scores.

    Args:
        errors: Sentence for each item, string [batch]; empty for good items.

    Returns:
        The check. It raises InvalidArgumentError with all different sentences, since the items may
        come from several clients.
    """
    is_good = errors == ""
    passes = tf.reduce_any(is_good) | (tf.size(errors) == 0)
    sentences = tf.strings.reduce_join(tf.unique(errors).y[:_MAX_SENTENCES], separator=" ")
    return tf.debugging.Assert(passes, [sentences])


def length_faults(lengths: tf.Tensor, max_samples: int) -> list[ItemFault]:
    """Returns the possible faults of the lengths of clips.

    Args:
        lengths: Samples of each clip at 16 kHz, int [batch].
        max_samples: Maximum number of samples.

    Returns:
        The faults: empty, or too long.
    """

    def too_long() -> tf.Tensor:
        seconds = tf.strings.as_string(tf.cast(lengths, tf.float32) / SAMPLE_RATE, precision=1)
        text = f" seconds long; the limit is {max_samples / SAMPLE_RATE:g} seconds, so cut it."
        return tf.strings.join(["is ", seconds, text])

    return [
        (lengths < 1, lambda: tf.constant("holds no samples; record it again.")),
        (lengths > max_samples, too_long),
    ]


def embedding_faults(lengths: tf.Tensor, finite: tf.Tensor) -> list[ItemFault]:
    """Returns the possible faults of embeddings.

    Args:
        lengths: Windows of each clip, int [batch].
        finite: Whether all numbers of a clip are finite, bool [batch].

    Returns:
        The faults: no windows, or numbers that are not finite.
    """
    text = "holds numbers that are not finite; only whole windows of NaN at its end fill it up."
    return [
        (lengths < 1, lambda: tf.constant("holds no windows; send at least one.")),
        (~finite, lambda: tf.constant(text)),
    ]


def non_finite_fault(finite: tf.Tensor) -> ItemFault:
    """Returns the fault of clips that hold NaN or infinity.

    Args:
        finite: Whether all samples of a clip are finite, bool [batch].

    Returns:
        The fault.
    """
    text = "holds samples that are not finite numbers; export it again."
    return ~finite, lambda: tf.constant(text)
