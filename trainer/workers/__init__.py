"""Training on several processes or GPUs: their strategy, their shares of the clips, and their start."""
