"""The exit codes of the command line; 0 is success."""

EXIT_FAILURE = 1
"""Something failed, or a part of the input got no result."""

EXIT_WRONG_INPUT = 2
"""The input or the configuration is wrong."""

EXIT_INTERRUPTED = 130
"""The user pressed Ctrl-C."""
