"""The command line: the commands, their options and what they print; the work is done elsewhere."""
