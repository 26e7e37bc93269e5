"""SchemaImporter: brings the curated schema into the pipeline."""
