"""AudioSet's released format of embeddings: one tf.SequenceExample per clip.

Source: https://research.google.com/audioset/download.html. Labels are numbers, which
`class_labels_indices.csv` names.
"""

import csv
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from vggish import params
from vggish.embedding.clip_embedding import ClipEmbedding
from vggish.errors import DataSetError
from vggish.output_files import output_file

CLASS_NAMES_FILE = "class_labels_indices.csv"
_NUMBER, _ID, _NAME = "index", "mid", "display_name"  # Its columns.


def parse_class_names(text: str, path: str) -> tuple[str, ...]:
    """Reads the names of the classes.

    Args:
        text: Content of `class_labels_indices.csv`.
        path: Its path, for messages.

    Returns:
        The names of class 0, 1, ...

    Raises:
        DataSetError: The text is not such a file.
    """
    try:
        rows = list(csv.DictReader(io.StringIO(text), strict=True))
        names = {int(row[_NUMBER]): row[_NAME] for row in rows}
    except (csv.Error, KeyError, ValueError, TypeError) as error:
        raise DataSetError(
            f"{path} is not AudioSet's class_labels_indices.csv, with the columns "
            f"index, mid and display_name ({error!r})."
        ) from error
    if sorted(names) != list(range(len(names))):
        raise DataSetError(f"The indices in {path} are not 0, 1, 2, and so on.")
    return tuple(names[number] for number in range(len(names)))


@contextmanager
def write_records(path: Path, folder: str) -> Iterator[Callable[[ClipEmbedding], None]]:
    """Writes a record file; `video_id` is the name of a clip's file.

    Args:
        path: The file.
        folder: Folder or address that the file will be in. The classes get their names there; those
            that it names already keep their numbers.

    Yields:
        A function that writes one clip.

    Raises:
        DataSetError: The folder has class names that are not AudioSet's.
    """
    import tensorflow as tf

    from vggish.example_features import bytes_feature, float_feature, int64_feature

    known = _class_numbers(f"{folder}/{CLASS_NAMES_FILE}")
    numbers = dict(known)
    with tf.io.TFRecordWriter(str(path)) as writer:

        def write(clip: ClipEmbedding) -> None:
            labels = () if clip.label is None else (clip.label,)
            windows = [bytes_feature([vector.tobytes()]) for vector in clip.vectors]
            example = tf.train.SequenceExample(
                context=tf.train.Features(
                    feature={
                        "video_id": bytes_feature([clip.fname.encode()]),
                        "start_time_seconds": float_feature([0.0]),
                        "end_time_seconds": float_feature([clip.duration]),
                        "labels": int64_feature(
                            numbers.setdefault(label, len(numbers)) for label in labels
                        ),
                    }
                ),
                feature_lists=tf.train.FeatureLists(
                    feature_list={
                        params.AUDIO_EMBEDDING_FEATURE_NAME: tf.train.FeatureList(feature=windows)
                    }
                ),
            )
            writer.write(example.SerializeToString())

        yield write
    if numbers != known:
        with output_file(f"{folder}/{CLASS_NAMES_FILE}") as names, names.open("w") as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow([_NUMBER, _ID, _NAME])
            rows.writerows([number, "", name] for name, number in numbers.items())


def _class_numbers(path: str) -> dict[str, int]:
    import tensorflow as tf

    try:
        with tf.io.gfile.GFile(path) as file:
            names = parse_class_names(file.read(), path)
    except tf.errors.NotFoundError:
        return {}
    return {name: number for number, name in enumerate(names)}
