"""What nodes agree on: clip examples, files of artifacts, the model card, the configuration."""
