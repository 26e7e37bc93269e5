"""The served model and its parts, in core TensorFlow ops only."""
