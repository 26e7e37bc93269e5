"""The split of each clip: by the hash of its group, by tables, lists or folders, and by class."""
