"""Features of many sound files without a pipeline, and the files that they are written to."""
