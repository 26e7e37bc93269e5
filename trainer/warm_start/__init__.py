"""Training VGGish itself, together with a head, on augmented sound."""
