"""From scores to decisions: the threshold of each class, chosen on the eval split."""
