"""The clips that heads learn from: features on disk, their batches, and samples of them."""
