"""The distance between two sets of sounds: folders, tables of embeddings, or training sets."""
