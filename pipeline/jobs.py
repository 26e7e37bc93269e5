"""A job by its configuration, its folder of sounds, or the name of a ready configuration."""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from schema.config.config import Config
from schema.config.config_file import load_config, parse_config
from vggish.audio.sound_formats import named_like_sound
from vggish.errors import ConfigError
from vggish.suggestions import suggest

_YAML = (".yaml", ".yml")


@dataclass(frozen=True)
class Job:
    """What to run.

    Attributes:
        name: Its name, for the output folder.
        config: Its configuration, not checked against the data.
        found: What was found in its folder of sounds, one sentence a line; empty if the
            configuration was given.
    """

    name: str
    config: Config
    found: tuple[str, ...] = ()

    @property
    def output(self) -> Path:
        """The default output folder."""
        return Path("runs", self.name)


def open_job(job: str, overrides: dict[str, Any]) -> Job:
    """Reads a job's configuration, or makes one for a folder of sounds.

    Args:
        job: Path of a YAML file; a folder of sounds, or an address such as `gs://bucket/sounds`; a
            table of embeddings; or the name of a ready configuration, such as `esc50`.
        overrides: Values by dotted key, which win over the configuration's.

    Returns:
        The job.

    Raises:
        ConfigError: There is no such file, folder or configuration, or it is wrong.
        DataSetError: The folder has no sounds of at least two classes, or the table no labels.
    """
    from pipeline.catalog.first_embeddings import is_table

    path = Path(job).expanduser()
    ready = {
        Path(file.name).stem: file for file in files("configs").iterdir() if _is_yaml(file.name)
    }
    other_root = "source.root" in overrides
    if "://" in job or (path.is_dir() and not (other_root and job in ready)):
        if other_root:
            raise ConfigError(
                f"{job} is a folder of sounds, and so is --data-root; leave one of them out."
            )
        return _of_folder(job if "://" in job else str(path.resolve()), overrides)
    if is_table(job):
        if other_root:
            raise ConfigError(f"{job} is a table, which needs no --data-root; leave it out.")
        return _of_table(job, overrides)
    if named_like_sound(job):
        raise ConfigError(f"{job} is a sound, not a job; name the folder of the classes.")
    if ("/" in job or _is_yaml(job)) and not path.exists():
        raise ConfigError(f"There is no file or folder {job}; correct the path.")
    if path.is_file() or _is_yaml(job) or "/" in job:
        return Job(path.stem, load_config(path, overrides))
    if job not in ready:
        raise ConfigError(
            f"{job} is no file, folder of sounds or ready configuration; "
            f"{suggest(job, sorted(ready))}"
        )
    text = ready[job].read_text(encoding="utf-8")
    return Job(job, parse_config(text, job, overrides))


def _is_yaml(name: str) -> bool:
    return name.endswith(_YAML)


def _of_folder(folder: str, overrides: dict[str, Any]) -> Job:
    from pipeline.catalog.first_configuration import look_into, to_yaml

    found = look_into(folder)
    config = parse_config(to_yaml(found), f"of {folder}", overrides)
    says = (f"Found {found.sounds}. The class is {found.labelled_by}.", found.grouping)
    return Job(folder.rstrip("/").rpartition("/")[2] or "sounds", config, says)


def _of_table(table: str, overrides: dict[str, Any]) -> Job:
    from pipeline.catalog.first_embeddings import look_into_table, table_to_yaml

    found = look_into_table(table)
    # Here, the network is that of the embeddings.
    named = overrides.get("features.network")
    network = {} if named is None else {"source.network": named}
    config = parse_config(table_to_yaml(found), f"of {table}", network | overrides)
    return Job(found.path.stem, config, (found.words,))
