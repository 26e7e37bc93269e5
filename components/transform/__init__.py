"""Transform: TFX's own, except that its files are not compressed."""
