"""BatchPredictor: the model's scores of clips, and events in recordings."""
