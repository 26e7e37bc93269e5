"""Ensembles of models: the section `model.ensemble`, and which models may be members."""
