"""Metrics of TFMA, which finds these modules by name."""
