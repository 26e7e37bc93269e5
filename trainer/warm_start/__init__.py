"""Training a network together with a head, on augmented sound."""
