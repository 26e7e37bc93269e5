"""ModelSelector: selects the best of a run's models."""
