"""Features of many sound files without a pipeline, and their file formats."""
