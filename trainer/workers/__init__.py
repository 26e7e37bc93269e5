"""Training on several processes or GPUs: their strategy, their shares of clips, their start."""
