"""Tuner: searches for the settings of a head, over folds of the train and eval clips."""
