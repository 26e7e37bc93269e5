"""What the commands print about runs: summaries, and tables of models."""
