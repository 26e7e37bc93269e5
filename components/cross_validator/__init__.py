"""CrossValidator: trains and tests a head over all folds of the clips."""
