"""A short trial of the network: the precision in which it is fast on this machine."""

import logging
import math
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
_SECONDS = 1


def faster_precision(network: str, values: dict[str, np.ndarray]) -> str:
    """Runs the network for a second, and returns the precision to run it in.

    Args:
        network: Name of the network.
        values: Its weights by name.

    Returns:
        `bfloat16` if the network is at least 1.3 times as fast in it as in float32; otherwise
        `float32`.
    """
    exact, quick = _seconds_a_batch(network, values)
    chosen = "bfloat16" if exact / quick >= _GAIN else "float32"
    logging.getLogger(LOGGER_NAME).info(
        "bfloat16 is %.1f times as fast as float32: %s", exact / quick, chosen
    )
    return chosen


def _seconds_a_batch(network: str, values: dict[str, np.ndarray]) -> tuple[float, float]:
    """Returns the shortest times of a batch, since other programs can only lengthen them.

    The precisions take turns, so that other programs meet both.
    """
    models: list[Any] = [
        tf.function(build_features("embedding", values, dtype, network))
        for dtype in ("float32", "bfloat16")
    ]
    windows = tf.zeros([_BATCH, params.NUM_FRAMES, params.NUM_BANDS])
    for model in models:
        model(windows)  # The first call traces.
    shortest = [math.inf, math.inf]
    end = time.perf_counter() + _SECONDS
    while math.inf in shortest or time.perf_counter() < end:
        for i, model in enumerate(models):
            begin = time.perf_counter()
            model(windows).numpy()
            shortest[i] = min(shortest[i], time.perf_counter() - begin)
    exact, quick = shortest
    return exact, quick
