"""The files below a root, on this machine's disk or in a storage."""
