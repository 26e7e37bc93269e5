"""Training on cached features: reading them, the loop of Keras, and what a Trainer leaves."""
