"""From sound files to samples: finding, decoding and resampling them; no TensorFlow here."""
