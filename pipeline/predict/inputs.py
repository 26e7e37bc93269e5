"""What `predict` is given: a pushed model, and the sounds to hear."""

import json
import os
from collections.abc import Iterator, Sequence
from itertools import takewhile
from pathlib import Path

from components.audio_example_gen.sources.embedding_tables.table_files import EMBEDDING_TABLES
from components.file_trees.local_tree import LocalTree
from components.file_trees.sound_names import is_sound
from components.pushed_models import is_whole_model, newest_model, pushed_versions
from vggish.audio.sound_files import find_files
from vggish.errors import ConfigError


def take_model(arguments: Sequence[str]) -> tuple[str, Sequence[str]]:
    """Separates the model from the sounds after it.

    A shell turns `serving/*/` into all versions, which together stand for the newest.

    Args:
        arguments: A folder for `find_pushed_model`, or several versions in one folder; then sounds.

    Returns:
        The folder for `find_pushed_model`, and the sounds.
    """
    names = [os.path.split(argument.rstrip("/")) for argument in arguments]
    versions = [*takewhile(lambda name: name[0] == names[0][0] and name[1].isdecimal(), names)]
    if len(versions) < 2:
        return arguments[0], arguments[1:]
    paths = arguments[: len(versions)]
    return newest_model(paths) or paths[0], arguments[len(versions) :]


def find_pushed_model(folder: str) -> str:
    """Finds a model that the pipeline pushed.

    Args:
        folder: A run's output folder, the folder of its models' versions, such as
            `runs/NAME/serving`, or one version. Of several, the newest is found.

    Returns:
        The version's folder.

    Raises:
        ConfigError: The folder does not hold a pushed model.
    """
    summary = Path(folder, "summary.json")
    places = [folder, os.path.join(folder, "serving")]
    if summary.is_file() and (pushed := json.loads(summary.read_text())["pushed_path"]):
        places.append(os.path.dirname(pushed.rstrip("/")))  # As `push.folder` says.
    model = newest_model(version for place in places for version in pushed_versions(place))
    model = model or folder
    if is_whole_model(model):
        return model
    if summary.is_file():
        raise ConfigError(
            f"The run in {folder} has pushed no model; its report.html says why, and "
            "`--set evaluate.min_score=…` sets what a model must reach."
        )
    raise ConfigError(
        f"{folder} holds no pushed model: its saved_model.pb or its variables are missing or "
        "damaged; name a run's folder such as runs/NAME."
    )


def find_sounds(arguments: Sequence[str]) -> list[Path]:
    """Lists sound files, and passes over other files in a folder, as a run does.

    Args:
        arguments: Paths of sound files and folders, and glob patterns. A file that is named is
            always listed.

    Returns:
        Paths that begin with their argument.

    Raises:
        ConfigError: An argument is a model's folder, or there is no sound.
    """
    for argument in arguments:
        if is_model(argument):
            raise ConfigError(
                f"{argument} is a model's folder, not sounds; name one model, and then sounds."
            )
    if found := [path for argument in arguments for path in _sounds_of(argument)]:
        return found
    where = f" in {', '.join(arguments)}" if arguments else ""
    raise ConfigError(
        f"There are no sounds{where} to predict; name sound files, or folders of them."
    )


def find_tables(arguments: Sequence[str]) -> list[str]:
    """Lists tables of embeddings.

    Args:
        arguments: Paths and glob patterns.

    Returns:
        The tables; none if no argument is one.

    Raises:
        ConfigError: There are also other arguments.
    """
    tables = [name for name in arguments if name.lower().endswith(EMBEDDING_TABLES)]
    if tables and len(tables) < len(arguments):
        other = next(name for name in arguments if name not in tables)
        raise ConfigError(
            f"{tables[0]} is a table of embeddings, but {other} is none; predict them separately."
        )
    found = [str(path) for path in find_files(tables)]
    if missing := next((path for path in found if not os.path.isfile(path)), None):
        raise ConfigError(f"There is no table {missing}; correct the path.")
    return found


def is_model(argument: str) -> bool:
    """Returns whether a folder is a model, a run, or the folder of a run's models."""
    places = (argument, os.path.join(argument, "serving"))
    return Path(argument, "saved_model.pb").exists() or any(map(pushed_versions, places))


def _sounds_of(argument: str) -> Iterator[Path]:
    if os.path.isdir(argument):
        tree = LocalTree(argument)
        for path in find_files([argument]):
            (entry,) = tree.find([os.path.relpath(path, argument)])
            if is_sound(entry, tree):
                yield path
    else:
        yield from find_files([argument])
