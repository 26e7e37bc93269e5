"""The pipeline: its nodes, its runners, its command line, and predictions with its models.

Start with `create_pipeline.py`, which reads from top to bottom.
"""
