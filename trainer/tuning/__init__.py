"""Tuning: a search over heads and their settings by cross-validation."""
