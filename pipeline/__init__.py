"""The pipeline, from the top: its nodes, and what makes them run again.

`create_pipeline.py` reads from top to bottom; what runs it, asks it and shows it has folders.
"""
