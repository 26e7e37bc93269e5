"""The configuration of a run: one YAML file, checked before anything starts."""

import copy
import difflib
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import Field, ValidationError, field_validator

from components.audio_example_gen.settings import IngestSettings, SourceSettings, SplitSettings
from pipeline.attempts import RunSettings
from pipeline.beam_runners import BeamSettings
from pipeline.metadata_store import MetadataSettings
from trainer.settings import ModelSettings, TrainSettings
from trainer.warm_start.settings import WARM_START_RATE
from vggish.errors import ConfigError
from vggish.settings import FeatureSettings, Settings


class EvaluateSettings(Settings):
    """What a model must reach on the test split to be blessed (`evaluate`)."""

    min_score: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Accuracy, or lwlrap where clips have several labels; at least.",
    )
    max_drop: float = Field(
        default=0.01, ge=0, le=1, description="Below the last blessed model's score, at most."
    )
    slices: tuple[Literal["label", "duration", "group"], ...] = Field(
        default=("label", "duration", "group"),
        description="By what the test clips are parted, to be scored part by part.",
    )


class PushSettings(Settings):
    """Where blessed models go, and what a server must find of them (`push`)."""

    folder: str | None = Field(
        default=None, description="TensorFlow Serving's model folder; default: OUTPUT/serving."
    )
    validate_in: Literal["process", "docker"] = Field(
        default="process",
        description="What a model is tried in beforehand: a process of its own that has nothing "
        "but TensorFlow, or TensorFlow Serving in Docker.",
    )
    max_latency_ms: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="Of one clip of a second, at most; null: any."
    )
    max_memory_mb: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="Of the process that serves it, at most; null: any."
    )


class CardSettings(Settings):
    """What the model's card says in the words of whoever made it (`card`)."""

    title: str = Field(default="", description="What the model is called.")
    description: str = Field(default="", description="What it is for.")
    data: str = Field(default="", description="Where the sounds come from.")
    licence: str = Field(default="", description="Of the sounds.")
    limits: str = Field(default="", description="What it is not for.")
    contact: str = Field(default="", description="Whom to ask.")


class NodeResources(Settings):
    """What a node's container may use on Kubeflow and Vertex AI (an entry of `resources`)."""

    cpu: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="Cores, at most; null: what the cluster gives."
    )
    memory_gb: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="At most; null: what the cluster gives."
    )
    accelerator: str | None = Field(
        default=None, description="As the cluster calls it, such as NVIDIA_TESLA_T4."
    )
    accelerators: Annotated[int, Field(gt=0)] = Field(default=1, description="How many.")


class Config(Settings):
    """All sections of a configuration."""

    source: SourceSettings
    ingest: IngestSettings = IngestSettings()
    split: SplitSettings = SplitSettings()
    features: FeatureSettings = FeatureSettings()
    model: tuple[ModelSettings, ...] = Field(
        default=(ModelSettings(),), min_length=1, description="One model, or a list to compare."
    )
    train: TrainSettings = TrainSettings()
    evaluate: EvaluateSettings = EvaluateSettings()
    push: PushSettings = PushSettings()
    card: CardSettings = CardSettings()
    beam: BeamSettings = BeamSettings()
    resources: dict[str, NodeResources] = Field(
        default={},
        description="By a node's name (Trainer_dense), all nodes of a kind (Trainer), or "
        "`default`; on Kubeflow and Vertex AI alone.",
    )
    run: RunSettings = RunSettings()
    metadata: MetadataSettings = MetadataSettings()

    @field_validator("model", mode="before")
    @classmethod
    def _is_a_list(cls, value: Any) -> Any:
        return [value] if isinstance(value, dict) else value

    @field_validator("model")
    @classmethod
    def _have_names_of_their_own(cls, models: tuple[ModelSettings, ...]) -> Any:
        titles = [model.title for model in models]
        for title in titles:
            if titles.count(title) > 1:
                raise ValueError(f"several models are called {title!r}; give each a `name`")
        return models

    @property
    def multi_label(self) -> bool:
        """Whether a clip may have several labels, or none; once the models' `task` is decided."""
        return self.model[0].task == "multi_label"

    def train_settings(self, model: ModelSettings) -> TrainSettings:
        """Returns how a model is trained: its own section `train` wins over the common one."""
        own = {} if model.train is None else model.train.model_dump(exclude_unset=True)
        if model.head == "warm_start" and "learning_rate" not in (
            own.keys() | self.train.model_fields_set
        ):
            own["learning_rate"] = WARM_START_RATE
        return self.train.model_copy(update=own)


def load_config(path: Path, overrides: dict[str, Any]) -> Config:
    """Reads and checks a configuration.

    Args:
        path: The YAML file.
        overrides: Values by dotted key (`train.epochs`), which win over the file's.

    Returns:
        The configuration.

    Raises:
        ConfigError: The file cannot be read or a key or value is wrong; the message names it.
    """
    try:
        values = yaml.safe_load(path.read_text())
    except OSError as error:
        raise ConfigError(f"The configuration {path} cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"The configuration {path} is not YAML: {reason}.") from error
    values = {} if values is None else values
    if not isinstance(values, dict):
        raise ConfigError(f"The configuration {path} must hold sections such as `source:`.")
    for key, value in overrides.items():
        _set(values, key.split("."), value)
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        reason = _explain(error)
        if not isinstance(values.get("model"), list):  # The user wrote no list.
            reason = reason.replace("'model.0.", "'model.")
        raise ConfigError(f"The configuration {path} is wrong: {reason}") from error


def parse_overrides(assignments: list[str]) -> dict[str, Any]:
    """Reads `key=value` words of the command line; a value is YAML.

    Args:
        assignments: Such as `train.epochs=5` or `model.hidden=[200, 100]`.

    Returns:
        The values by dotted key.

    Raises:
        ConfigError: A word is not of this form.
    """
    overrides = {}
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals:
            raise ConfigError(
                f"--set takes key=value (such as train.epochs=5), not {assignment!r}."
            )
        try:
            overrides[key] = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ConfigError(f"--set {assignment!r} has a value that is not YAML.") from error
    return overrides


def _set(values: Any, path: list[str], value: Any) -> None:
    place: Any = path[0]
    if isinstance(values, list):
        if not place.isdigit() or int(place) >= len(values):
            raise ConfigError(
                f"--set names {place!r} of a list of {len(values)}; name a place in it, from 0, "
                "such as model.0.head."
            )
        place = int(place)
    elif not isinstance(values, dict):
        raise ConfigError(f"--set names {place!r} of {values!r}, which has no keys.")
    if len(path) > 1:
        inner = values[place] if isinstance(values, list) else values.get(place)
        inner = {} if inner is None else copy.copy(inner)
        _set(inner, path[1:], value)
        value = inner
    values[place] = value


def _explain(error: ValidationError) -> str:
    """Says in a sentence what is wrong first, and of an unknown key which valid one is nearest."""
    # An unknown key is often why another one is missing.
    first = min(
        error.errors(include_url=False), key=lambda fault: fault["type"] != "extra_forbidden"
    )
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        valid = _keys_beside(first["loc"])
        near = difflib.get_close_matches(str(first["loc"][-1]), valid, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"valid ones are {', '.join(valid)}."
        return f"unknown key {key!r}; {hint}"
    if first["type"] == "missing":
        return f"the key {key!r} is missing{_option_for(key)}."
    message = first["msg"].removeprefix("Value error, ")
    found = first["input"]
    said = "" if isinstance(found, list | dict) else f" (it is {found!r})"
    return f"{key!r}: {message}{said}."


def _option_for(key: str) -> str:
    return " (or pass --data-root)" if key in ("source", "source.root") else ""


def _keys_beside(loc: tuple[int | str, ...]) -> list[str]:
    """The valid keys of the section that an unknown key was found in."""
    model: Any = Config
    for part in loc[:-1]:
        if isinstance(part, int):  # A place in a list, whose items the last step has found.
            continue
        annotation = model.model_fields[part].annotation
        model = next((a for a in get_args(annotation) if hasattr(a, "model_fields")), annotation)
    return list(model.model_fields)
