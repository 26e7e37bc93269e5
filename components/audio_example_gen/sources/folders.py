"""`folders`: a file's folder or name gives its class."""

from components.audio_example_gen.sources.unassigned_files import (
    UnassignedFiles,
    find_in,
    is_below,
    to_source_file,
)
from components.file_trees.file_tree import FileTree
from components.file_trees.sound_names import is_sound
from schema.config.source_settings import SourceSettings


def find_by_folder(settings: SourceSettings, tree: FileTree) -> UnassignedFiles:
    """Finds the sounds below the root.

    Args:
        settings: The source.
        tree: The root.

    Returns:
        Every sound file, labelled by `label_pattern` or, without one, by the first folder of its
        path.
    """
    files, noise, others = [], [], 0
    for entry in tree.walk():
        if not is_sound(entry, tree):
            others += 1
        elif is_below(entry.path, settings.noise_folders):
            noise.append(entry.path)
        else:
            label = _label(entry.path, settings.label_pattern)
            labels = (label,) if label else ()
            files.append(to_source_file(entry, settings, labels, group=None))
    return UnassignedFiles(tuple(files), tuple(noise), other_files=others)


def _label(path: str, pattern: str | None) -> str | None:
    if pattern is not None:
        return find_in(pattern, path)
    folder, _, rest = path.partition("/")
    return folder if rest else None
