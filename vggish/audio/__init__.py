"""Finding, decoding and resampling sound files, without TensorFlow."""
