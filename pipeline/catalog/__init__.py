"""The contents of a data set, before any run."""
