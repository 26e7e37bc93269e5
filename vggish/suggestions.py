"""Suggestions for unknown names."""

import difflib
from collections.abc import Collection


def suggest(name: str, choices: Collection[str]) -> str:
    """Returns the end of a sentence about an unknown name.

    Args:
        name: The unknown name.
        choices: The known names.

    Returns:
        `did you mean 'NAME'?` if one of the choices is similar; otherwise all choices.
    """
    near = difflib.get_close_matches(name, choices, n=1)
    return f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(choices)}."
