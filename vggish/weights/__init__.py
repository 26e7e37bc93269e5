"""Where the numbers of a network come from, and the proof that they are the right ones."""
