"""Events in recordings: from the scores of windows to events, and the forms of their tables."""
