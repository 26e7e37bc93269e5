"""ModelSelector: which of a run's models goes on."""
