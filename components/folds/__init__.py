"""Folds: which clips are in which, and nodes that train over them."""
