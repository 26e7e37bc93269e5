"""`embeddings`: tables with a vector a window instead of sound."""
