"""The ranges of clip lengths in which the catalog counts clips and the Evaluator scores them."""

from itertools import pairwise

DURATION_EDGES = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Upper edges of the ranges, in seconds of source audio; an edge is in the range below it."""

DURATION_BUCKETS = (
    *(f"{low:g}-{high:g} s" for low, high in pairwise((0.0, *DURATION_EDGES))),
    f"over {DURATION_EDGES[-1]:g} s",
)
"""Names of the ranges."""

UNKNOWN_DURATION = "unknown"
"""Name for clips whose length is not known."""
