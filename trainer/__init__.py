"""The code that TFX calls by import path: preprocessing, training, metrics and export."""
