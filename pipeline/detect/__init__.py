"""Events in recordings of any length, by a pushed model on disk or on a server."""
