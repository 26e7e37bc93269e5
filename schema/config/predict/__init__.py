"""The section `predict`: events in recordings."""
