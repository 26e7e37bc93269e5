"""A short trial of the network: the precision in which it is fast on this machine."""

import logging
import time
from typing import Any

import numpy as np
import tensorflow as tf

from vggish import params
from vggish.networks.layer_taps import build_features
from vggish.progress import LOGGER_NAME

_GAIN = 1.3
"""How much faster bfloat16 must be to make up for what it loses in exactness."""

_BATCH = 32
_SECONDS = 0.5


def faster_precision(network: str, values: dict[str, np.ndarray]) -> str:
    """Runs the network for a second, and returns the precision to run it in.

    Args:
        network: Name of the network.
        values: Its weights by name.

    Returns:
        `bfloat16` if the network is at least 1.3 times as fast in it as in float32; otherwise
        `float32`.
    """
    exact, quick = (_seconds_a_batch(network, values, dtype) for dtype in ("float32", "bfloat16"))
    chosen = "bfloat16" if exact / quick >= _GAIN else "float32"
    logging.getLogger(LOGGER_NAME).info(
        "bfloat16 is %.1f times as fast as float32: %s", exact / quick, chosen
    )
    return chosen


def _seconds_a_batch(network: str, values: dict[str, np.ndarray], dtype: str) -> float:
    """Returns the shortest time of a batch, since other programs can only lengthen it."""
    model: Any = build_features("embedding", values, dtype, network)
    run = tf.function(lambda windows: model(windows, training=False))
    windows = tf.zeros([_BATCH, params.NUM_FRAMES, params.NUM_BANDS])
    run(windows)  # The first call traces.
    seconds: list[float] = []
    while sum(seconds) < _SECONDS or len(seconds) < 2:
        begin = time.perf_counter()
        run(windows).numpy()
        seconds.append(time.perf_counter() - begin)
    return min(seconds)
