"""Evaluator: TFX's, for a baseline that may not be there."""
