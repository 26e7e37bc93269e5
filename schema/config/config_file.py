"""Reading a configuration: one YAML file, checked before anything starts."""

import copy
import json
import re
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from schema.config.config import Config
from vggish.errors import ConfigError
from vggish.suggestions import suggest

_PLAIN = {
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "string_type": "must be a text",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "must match {pattern}",
    "tuple_type": "must be a list, such as [a, b]",
    "too_short": "must not be an empty list",
    "dict_type": "must be a section of keys and values",
    "model_type": "must be a section of keys and values",
    "model_attributes_type": "must be a section of keys and values",
    "invalid_key": "is a key, and a key must be a text",
    "literal_error": "must be {expected}",
    "greater_than": "must be more than {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than": "must be less than {lt:g}",
    "less_than_equal": "must be at most {le:g}",
}
"""What is wrong with a value, by pydantic's name of the fault."""


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
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"The configuration {path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"The configuration {path} is not UTF-8 (byte {error.start}); save it as UTF-8."
        ) from error
    return parse_config(text, str(path), overrides)


def parse_config(text: str, name: str, overrides: dict[str, Any]) -> Config:
    """Reads and checks the text of a configuration; see `load_config`.

    Args:
        text: YAML.
        name: The configuration's name, for messages.
        overrides: Values by dotted key, which win over the text's.

    Returns:
        The configuration.

    Raises:
        ConfigError: A key or value is wrong; the message names it.
    """
    try:
        values = yaml.load(text, _UniqueKeysLoader)  # noqa: S506 - It is a SafeLoader.
    except yaml.YAMLError as error:
        raise ConfigError(f"The configuration {name} is not YAML{_place(error)}.") from error
    values = {} if values is None else values
    if not isinstance(values, dict):
        raise ConfigError(f"The configuration {name} must hold sections such as `source:`.")
    for key, value in overrides.items():
        _set(values, key.split("."), value)
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        reason = _explain(error)
        if not isinstance(values.get("model"), list):  # The file holds no list.
            reason = reason.replace("'model.0.", "'model.")
        raise ConfigError(f"The configuration {name} is wrong: {reason}") from error


class _UniqueKeysLoader(yaml.SafeLoader):
    """Refuses a key that a section has twice, of which PyYAML would keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue  # Not a text, as the configuration's check will say.
            if key.value in keys:
                problem = f"has {key.value!r} a second time"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            keys.add(key.value)
        return super().construct_mapping(node, deep)


def _place(error: yaml.YAMLError) -> str:
    """Says where YAML is broken, and what may be wrong there."""
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return ""
    mark = error.problem_mark
    if "'\\t'" in str(error.problem):
        return f": line {mark.line + 1} is indented with a tab; use spaces"
    if "a second time" in str(error.problem):
        return f": line {mark.line + 1} {error.problem}; keep one of the two"
    if "<stream end>" in str(error.problem):
        return ": it ends before a bracket or a quotation mark is closed"
    return (
        f" from line {mark.line + 1}, column {mark.column + 1} on; put quotation marks around a "
        "text with special characters, such as a regular expression, and indent the keys of a "
        "section alike"
    )


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
    """Describes the first fault in one sentence; for an unknown key, it suggests a known one."""
    # An unknown key is often why another one is missing.
    first = min(
        error.errors(include_url=False), key=lambda fault: fault["type"] != "extra_forbidden"
    )
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"unknown key {key!r}; {suggest(str(first['loc'][-1]), _known_keys(first['loc']))}"
    if first["type"] == "missing":
        return f"the key {key!r} is missing{_option_for(key)}."
    found = first["input"]
    if first["type"] == "literal_error" and isinstance(found, str):
        return f"{key!r} is {found!r}; {suggest(found, _choices(first))}"
    if first["type"] in _PLAIN:
        message = _PLAIN[first["type"]].format(**first.get("ctx", {}))
    else:
        message = first["msg"].removeprefix("Value error, ")
    in_yaml = repr(found) if isinstance(found, str) else json.dumps(found, default=str)
    told = isinstance(found, list | dict) or (isinstance(found, str) and repr(found) in message)
    said = "" if told else f" (it is {in_yaml})"
    return f"{key!r}: {message}{said}." if key else f"{message}."


def _choices(fault: ErrorDetails) -> list[str]:
    """Lists the allowed words of a key."""
    return re.findall(r"'([^']*)'", fault["ctx"]["expected"])


def _option_for(key: str) -> str:
    return " (or pass --data-root)" if key in ("source", "source.root") else ""


def _known_keys(loc: tuple[int | str, ...]) -> list[str]:
    """Lists the keys of the section that holds an unknown key."""
    model: Any = Config
    for part in loc[:-1]:
        if isinstance(part, int):  # An index of a list; the last step found the type of its items.
            continue
        annotation = model.model_fields[part].annotation
        model = next((a for a in get_args(annotation) if hasattr(a, "model_fields")), annotation)
    return list(model.model_fields)
