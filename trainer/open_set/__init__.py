"""Open sets: how far a clip is from the clips that a model learned its classes from."""
