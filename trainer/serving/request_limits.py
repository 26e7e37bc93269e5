"""Limits of one request to a served model, as TensorFlow graph code.

A request beyond a limit gets an error status, which costs the server nothing. Without limits, one
request could take all of its memory.
"""

from collections.abc import Callable

import tensorflow as tf

from vggish.networks.log_mel import num_windows
from vggish.params import SAMPLE_RATE, WINDOW_SAMPLES

MAX_SECONDS = 120
"""Maximum length of a clip, in seconds."""

MAX_WINDOWS = 1_024
"""Maximum number of windows per request, because the network runs on all of them at once."""

RequestFault = tuple[tf.Tensor, Callable[[], tf.Tensor]]
"""Mask of the faulty items of a batch, bool [batch]; and a function to the texts of their faults,
string [batch] or []. A text continues "Item 3 of the batch", and is made only if an item is
faulty."""


def max_clip_samples(hop_samples: int) -> int:
    """Returns the maximum length of a clip, in samples at 16 kHz.

    Args:
        hop_samples: Samples from one window's start to the next.

    Returns:
        The samples of `MAX_SECONDS` or of `MAX_WINDOWS`, whichever are fewer.
    """
    return min(MAX_SECONDS * SAMPLE_RATE, WINDOW_SAMPLES + (MAX_WINDOWS - 1) * hop_samples)


def refuse_faulty(faults: list[RequestFault]) -> tf.Operation:
    """Fails if an item of the batch has a fault, with a sentence that names the first such item.

    Args:
        faults: Possible faults, the most basic first.

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


def length_faults(lengths: tf.Tensor, hop_samples: int) -> list[RequestFault]:
    """Returns the possible faults of the lengths of clips.

    Args:
        lengths: Samples of each clip at 16 kHz, int [batch].
        hop_samples: Samples from one window's start to the next.

    Returns:
        The faults: empty, too long, or too much for one request.
    """
    lengths = tf.cast(lengths, tf.int64)
    longest = max_clip_samples(hop_samples)

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


def non_finite_fault(finite: tf.Tensor) -> RequestFault:
    """Returns the fault of clips that hold NaN or infinity.

    Args:
        finite: Whether all samples of a clip are finite, bool [batch].

    Returns:
        The fault.
    """
    text = "holds samples that are not finite numbers; export it again."
    return ~finite, lambda: tf.constant(text)
