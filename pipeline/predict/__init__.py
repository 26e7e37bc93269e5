"""Asking a pushed model, here or at a server, about sound files."""
