"""BatchPredictor: the model's scores of the test clips, and of clips without labels."""
