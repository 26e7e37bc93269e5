"""BatchPredictor: the model's scores of clips without labels."""
