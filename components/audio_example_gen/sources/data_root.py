"""Opening a data root: a folder on this machine, or an address that TensorFlow reads."""

from components.audio_example_gen.sources.file_tree import FileTree, unreadable_path
from components.audio_example_gen.sources.listing import RefusedError
from components.audio_example_gen.sources.local_tree import LocalTree
from components.audio_example_gen.sources.remote_tree import RemoteTree
from vggish.errors import DataSetError


def open_tree(root: str) -> FileTree:
    """Opens a data root.

    Args:
        root: A folder, with `~` for the home folder, or an address such as `gs://bucket/folder`.

    Returns:
        The tree.

    Raises:
        DataSetError: There is no such folder, or it may not be read.
        OSError: The storage failed.
    """
    tree = RemoteTree(root) if "://" in root else LocalTree(root)
    try:
        there = tree.is_folder()
    except RefusedError as error:
        raise unreadable_path(root, error) from error
    if not there:
        raise DataSetError(
            f"The data root {tree.root} is not a folder; check source.root or --data-root."
        )
    return tree
