"""The annotated recordings of the test split, as AudioExampleGen tells other nodes of them."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import tensorflow as tf
from tfx.utils import io_utils

from vggish.events.detection import Event

_FILE = "annotated_test_set.json"


@dataclass(frozen=True)
class AnnotatedTestSet:
    """Recordings that training never heard, and what is heard in them.

    Attributes:
        root: Their folder, a path or an address.
        events: The true events of each recording, by its path below the root.
    """

    root: str
    events: Mapping[str, Sequence[Event]]

    def write(self, folder: str) -> None:
        """Writes it into a folder."""
        io_utils.write_string_file(os.path.join(folder, _FILE), json.dumps(asdict(self)))


def read_annotated_test_set(folder: str) -> AnnotatedTestSet | None:
    """Reads what `AnnotatedTestSet.write` wrote into a folder; None if the source has clips."""
    path = os.path.join(folder, _FILE)
    if not tf.io.gfile.exists(path):
        return None
    with tf.io.gfile.GFile(path) as file:
        said = json.loads(file.read())
    events = {path: [Event(**event) for event in of] for path, of in said["events"].items()}
    return AnnotatedTestSet(said["root"], events)
