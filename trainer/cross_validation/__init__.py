"""Cross-validation: training and testing a head over folds, and what its results say."""
