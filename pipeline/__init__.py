"""The pipeline: its nodes, where they run, the command line, and the questions to its models.

Start with `create_pipeline.py`, which reads from top to bottom.
"""
