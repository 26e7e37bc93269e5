"""How sounds are told from other files."""

from components.file_trees.file_tree import Entry, FileTree
from vggish.audio.sound_formats import HEAD_BYTES, named_like_sound, starts_like_sound


def is_sound(entry: Entry, tree: FileTree) -> bool:
    """Tells whether a file is a sound.

    Args:
        entry: The file.
        tree: The data root.

    Returns:
        True if the name or the content says so.
    """
    if named_like_sound(entry.path) or entry.path.endswith("/"):
        return True
    if entry.refused or entry.size < HEAD_BYTES:
        return False
    return starts_like_sound(tree.head(entry.path, HEAD_BYTES))
