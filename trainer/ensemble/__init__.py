"""Ensembles: the scores of several models of a run, combined in one served model."""
