"""What one request may ask of a served model, as TensorFlow graph code.

A request that breaks a limit ends in an error status, which costs the server nothing; without
limits, one request could take all its memory.
"""

from collections.abc import Callable

import tensorflow as tf

from vggish.networks.log_mel import num_windows
from vggish.params import SAMPLE_RATE, WINDOW_SAMPLES

MAX_SECONDS = 120
"""How long a clip may be."""

MAX_WINDOWS = 1_024
"""How many windows a request may hold in all, since the network runs on all of them at once."""

Fault = tuple[tf.Tensor, Callable[[], tf.Tensor]]
"""Which items of a batch have it, bool [batch]; and what is wrong with each, string [batch] or [].
The text goes on from "item 3 of the batch", and is only made where an item has a fault."""


def longest_clip(hop_samples: int) -> int:
    """How many samples at 16 kHz a clip may have.

    Args:
        hop_samples: From one window's start to the next one's.

    Returns:
        The samples of `MAX_SECONDS`, or of `MAX_WINDOWS` where these are fewer.
    """
    return min(MAX_SECONDS * SAMPLE_RATE, WINDOW_SAMPLES + (MAX_WINDOWS - 1) * hop_samples)


def refuse(faults: list[Fault]) -> tf.Operation:
    """Fails where an item of the batch has a fault, in one sentence that names the first such item.

    Args:
        faults: What may be wrong, the most basic first.

    Returns:
        The check; `tf.debugging.Assert` raises InvalidArgumentError.
    """
    faulty = tf.stack([mask for mask, _ in faults])

    def sentence() -> tf.Tensor:
        item = tf.argmax(tf.reduce_any(faulty, axis=0))
        nth = tf.argmax(faulty[:, item])
        batch = tf.shape(faulty)[1]
        texts = tf.stack([tf.broadcast_to(text(), [batch]) for _, text in faults])
        place = ["Item ", tf.strings.as_string(item), " of the batch (the first is 0) "]
        return tf.strings.join([*place, texts[nth, item]])

    found = tf.reduce_any(faulty)
    return tf.debugging.Assert(~found, [tf.cond(found, sentence, lambda: "")])


def length_faults(lengths: tf.Tensor, hop_samples: int) -> list[Fault]:
    """What may be wrong with how long clips are.

    Args:
        lengths: int [batch], samples of each clip at 16 kHz.
        hop_samples: From one window's start to the next one's.

    Returns:
        The faults: empty, too long, or too much for one request.
    """
    lengths = tf.cast(lengths, tf.int64)
    longest = longest_clip(hop_samples)

    def too_long() -> tf.Tensor:
        seconds = tf.strings.as_string(tf.cast(lengths, tf.float32) / SAMPLE_RATE, precision=1)
        text = f" seconds long; the limit is {longest / SAMPLE_RATE:g} seconds, so cut it."
        return tf.strings.join(["is ", seconds, text])

    too_much = (
        f"goes beyond the {MAX_WINDOWS} windows that one request may hold; "
        "send fewer or shorter clips at a time."
    )
    return [
        (lengths < 1, lambda: tf.constant("holds no samples; record it again.")),
        (lengths > longest, too_long),
        (
            tf.cumsum(num_windows(lengths, hop_samples)) > MAX_WINDOWS,
            lambda: tf.constant(too_much),
        ),
    ]


def non_finite_fault(finite: tf.Tensor) -> Fault:
    """What is wrong with a clip that holds NaN or infinity.

    Args:
        finite: bool [batch], whether all samples of a clip are finite.

    Returns:
        The fault.
    """
    text = "holds samples that are not finite numbers; export it again."
    return ~finite, lambda: tf.constant(text)
