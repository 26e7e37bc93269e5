"""The served model: what it is made of, and what only it uses; core TensorFlow ops alone."""
