"""Deals whole groups of clips to splits or folds: by a hash of the group's name, and by class."""
