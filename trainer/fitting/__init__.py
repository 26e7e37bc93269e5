"""Training: the cached features, the Keras training loop, and the outputs of a Trainer node."""
