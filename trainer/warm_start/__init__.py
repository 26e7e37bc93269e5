"""Training VGGish together with a head, on augmented sound."""
