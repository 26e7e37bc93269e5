"""Evaluator: TFX's own, except that the baseline may be missing."""
