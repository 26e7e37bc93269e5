"""Opening a data root: a folder on this machine, or an address that TensorFlow reads."""

from components.file_trees.file_tree import FileTree, unreadable_path
from components.file_trees.local_tree import LocalTree
from components.file_trees.refusals import RefusedError
from components.file_trees.remote_tree import RemoteTree
from vggish.errors import DataSetError


def open_tree(root: str, named_by: str = "source.root or --data-root") -> FileTree:
    """Opens a data root.

    Args:
        root: A folder, with `~` for the home folder, or an address such as `gs://bucket/folder`.
        named_by: Where a user names the root, for messages.

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
        raise DataSetError(f"The data root {tree.root} is not a folder; check {named_by}.")
    return tree
