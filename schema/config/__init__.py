"""The configuration: a settings class for each section, and the reading of the YAML file.

Nodes get their sections as JSON and read them with the same classes, so these are a contract, too.
What a section makes TFX or Beam do is in `pipeline`.
"""
