"""Which recording a row of a table is about."""

import posixpath
import re

from components.file_trees.file_tree import Entry, FileTree
from components.file_trees.refusals import Reject
from vggish.audio.sound_formats import named_like_sound

_EXTENSIONS = re.compile(r"(\.Table\.\d+)?(\.selections|\.labels)?\.[^.]+$")
"""The end of a table's name: Raven calls that of `night.wav` `night.Table.1.selections.txt`."""


class TableRecordings:
    """The recordings that the rows of one table are about.

    Args:
        table: Path of the table below the root.
        template: `source.annotations.recording`.
        tree: The root.
    """

    def __init__(self, table: str, template: str | None, tree: FileTree):
        self._folder, name = posixpath.split(table)
        self._stem = _EXTENSIONS.sub("", name)
        self._template = template
        self._tree = tree

    def find(self, named: str | None) -> Entry:
        """Finds a recording.

        Args:
            named: What the row names; None if it names nothing.

        Returns:
            The file; refused if it is not there.
        """
        if self._template is not None:
            name = posixpath.basename(named or "")
            path = self._template.format(
                file=named or "",
                name=name,
                table=self._stem,
                folder=posixpath.basename(self._folder),
            )
            return self._first(path)
        if named is None:
            return self._beside()
        return self._first(named, posixpath.join(self._folder, named))

    def _first(self, *paths: str) -> Entry:
        entries = list(self._tree.find(dict.fromkeys(map(self._tree.relative, paths))))
        return next((entry for entry in entries if not entry.refused), entries[0])

    def _beside(self) -> Entry:
        names = [
            name
            for name in self._tree.names(self._folder)
            if self._stem in (name, posixpath.splitext(name)[0]) and named_like_sound(name)
        ]
        if len(names) == 1:
            return self._first(posixpath.join(self._folder, names[0]))
        path = posixpath.join(self._folder, self._stem)
        if not names:
            detail = f"no recording is named, and no sound {path} is beside the table"
            return Entry(path, refused=Reject("missing_file", detail))
        detail = f"no recording is named, and {' and '.join(names)} are beside the table"
        return Entry(path, refused=Reject("conflict", detail))
