"""Events of recordings, from tables that a person made or a detection wrote."""

from collections.abc import Sequence
from pathlib import Path

from vggish.audio.sound_files import printable_name
from vggish.errors import ConfigError
from vggish.events.annotation_tables import Annotation, RowFault, read_annotations


def read_events(table: Path) -> list[Annotation]:
    """Reads a table of events of any form.

    Args:
        table: The table.

    Returns:
        The events of all recordings.

    Raises:
        ConfigError: The table cannot be opened, or a row is broken.
        AnnotationError: It is no table of events.
    """
    try:
        content = table.read_bytes()
    except OSError as error:
        raise ConfigError(f"{table} cannot be opened: {error.strerror}.") from error
    events = []
    for row in read_annotations(content, str(table)):
        if isinstance(row, RowFault):
            raise ConfigError(f"{table} {row.detail} in row {row.row}; correct it.")
        events.append(row)
    return events


def events_of(recording: Path, events: Sequence[Annotation]) -> list[Annotation]:
    """Returns the events of one recording.

    Args:
        recording: The recording. Rows that name a file belong to it if the names, or without such
            rows the last parts of the names, are the same; rows without a name do.
        events: The events of a table.
    """
    name = printable_name(recording)
    whole = [event for event in events if event.file in (None, name)]
    return whole or [event for event in events if Path(event.file or "").name == recording.name]


def read_truth(table: Path, recordings: Sequence[Path]) -> list[list[Annotation]]:
    """Reads the true events of recordings, such as those that a person heard.

    Args:
        table: A table of any form. Rows about other recordings are left out.
        recordings: The recordings.

    Returns:
        The events of each recording.

    Raises:
        ConfigError: As of `read_events`; no row is about any of the recordings; or rows without a
            name are about several.
        AnnotationError: It is no table of events.
    """
    events = read_events(table)
    nameless = next((event for event in events if event.file is None), None)
    if nameless and len(recordings) > 1:
        raise ConfigError(
            f"{table} names no recording in row {nameless.row}, and there are {len(recordings)}; "
            "add a column `file`, or name one recording."
        )
    truth = [events_of(recording, events) for recording in recordings]
    if events and not any(truth):
        raise ConfigError(
            f"{table} has no row about any of the {len(recordings)} recordings; its first is about "
            f"{events[0].file}."
        )
    return truth
