"""Predictions for sound files, from a pushed model on disk or on a server."""
