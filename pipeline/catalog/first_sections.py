"""What every first configuration has in common, as lines of YAML."""

import json
from collections.abc import Mapping


def split_lines(split: Mapping[str, object]) -> list[str]:
    """Writes the section `split`: what was found, or the shares of the default."""
    found = [f"  {key}: {yaml_value(value)}" for key, value in split.items()]
    return ["split:", *(found or ["  train: 0.8", "  eval: 0.1", "  test: 0.1"])]


def model_lines() -> list[str]:
    """Writes the sections `model` and `evaluate`."""
    return [
        "model:",
        "  # Or a list, to compare: [{head: dense}, {head: xgboost}, {head: logistic_regression}].",
        "  head: dense",
        "evaluate:",
        "  # A model with a lower score on the test split is not pushed.",
        "  min_score: 0.5",
    ]


def yaml_value(value: object) -> str:
    """Writes a value on one line."""
    return json.dumps(value, ensure_ascii=False)  # JSON is YAML.
