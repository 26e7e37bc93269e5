"""The kinds of sources, and the listing of their files."""

import hashlib
from collections.abc import Callable

from components.audio_example_gen.sources import audioset, folders, manifest
from components.audio_example_gen.sources.annotated_recordings import recording_listing
from components.audio_example_gen.sources.embedding_tables import clip_listing
from components.audio_example_gen.sources.listing import Listing, SourceFile
from components.audio_example_gen.sources.unassigned_files import UnassignedFiles
from components.file_trees.data_root import open_tree
from components.file_trees.file_tree import FileTree
from schema.config.source_settings import SourceSettings
from schema.config.split_settings import SplitSettings
from vggish.errors import DataSetError

_FIND: dict[str, Callable[[SourceSettings, FileTree], UnassignedFiles]] = {
    "folders": folders.find_by_folder,
    "manifest": manifest.find_by_manifest,
    "annotations": recording_listing.find_recordings,
    "embeddings": clip_listing.find_clips,
    "audioset_embeddings": audioset.find_records,
}


def list_source(source: SourceSettings, split: SplitSettings | None = None) -> Listing:
    """Lists the files of a source, and assigns them to splits.

    Hidden files and folders are left out.

    Args:
        source: The source.
        split: The split settings; None for the default.

    Returns:
        The listing of all sound files, the refused ones with their reason.

    Raises:
        DataSetError: The root or a file that the settings name cannot be read; there are no sounds
            or fewer than two classes; or the split settings do not fit the files.
    """
    split = split or SplitSettings()
    tree = open_tree(source.root)
    found = _FIND[source.kind](source, tree)
    if not found.files:
        what = "rows of embeddings" if source.kind == "embeddings" else "sound files"
        raise DataSetError(
            f"The data root {tree.root} has no {what} ({found.other_files} other files); "
            f"check the section `source`."
        )
    # Here, since the splits need the files that this package lists.
    from components.audio_example_gen.splits.split_assignment import assign_splits

    embedded = source.kind == "audioset_embeddings"
    assigned = assign_splits(found.files, split, tree, many_clips=embedded)
    files = tuple(sorted(assigned.files, key=lambda file: file.clip_id))
    listing = Listing(
        root=tree.root,
        files=files,
        noise=found.noise,
        left_out=found.left_out + assigned.left_out,
        other_files=found.other_files,
        fingerprint=_fingerprint(found, files),
    )
    if not embedded:  # Otherwise the labels are inside the files.
        _check_classes(listing)
    return listing


def _check_classes(listing: Listing) -> None:
    classes = listing.classes
    # If no file is left, the refusals say more than a missing class would.
    if len(classes) < 2 and not all(file.refused for file in listing.files):
        found = f"only the class {classes[0]!r}" if classes else "no clip with a class"
        raise DataSetError(
            f"The data root {listing.root} has {found}; a classifier needs at least two classes, "
            "each with clips of its own."
        )


def _fingerprint(found: UnassignedFiles, files: tuple[SourceFile, ...]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(repr((file.clip_id, file.size, file.modified)).encode())
        digest.update(repr((file.labels, file.background, file.group)).encode())
        digest.update(repr((file.split, file.events)).encode())
    digest.update(repr((found.noise, found.left_out, found.other_files)).encode())
    return digest.hexdigest()
