"""The recordings of a folder, in which events are looked for."""

import hashlib
import posixpath

from components.file_trees.data_root import open_tree
from components.file_trees.file_tree import Entry
from components.file_trees.sound_names import is_sound
from vggish.errors import DataSetError

RECORDINGS_KEY = "predict.recordings"
"""The key of the configuration that names the folder."""


def list_recordings(folder: str) -> list[Entry]:
    """Lists the sounds below a folder, in the order of their paths.

    Args:
        folder: Path or address.

    Returns:
        The sounds, of which some may be refused.

    Raises:
        DataSetError: There is no such folder, or no sound in it.
        OSError: The storage failed.
    """
    tree = open_tree(folder, RECORDINGS_KEY)
    found = [entry for entry in tree.walk() if is_sound(entry, tree)]
    if not found:
        raise DataSetError(f"There are no sounds in {folder}; correct {RECORDINGS_KEY}.")
    return found


def recording_name(folder: str, path: str) -> str:
    """Returns the name of a recording in tables, as `detect` has it."""
    return posixpath.join(folder, path)


def recordings_fingerprint(folder: str) -> str:
    """Returns a text that changes when a recording is added, removed or changed."""
    facts = [(entry.path, entry.size, entry.modified) for entry in list_recordings(folder)]
    return hashlib.sha256(repr(facts).encode()).hexdigest()
