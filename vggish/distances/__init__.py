"""Distances between sets of sounds: the Frechet and the kernel audio distance."""
