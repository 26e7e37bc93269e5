"""NetworkImporter: A network's weights as an artifact."""
