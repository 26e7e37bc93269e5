"""The command line: commands, their options, and what they print; no work is done here."""
