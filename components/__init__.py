"""Custom TFX components, one folder each."""

from importlib import import_module
from typing import Any


def __getattr__(name: str) -> Any:
    # Kubeflow's containers import the class of an artifact by a name of one module and one class.
    # TFX, which that takes seconds to load, is loaded then and not before.
    if name[:1].isupper():
        return getattr(import_module("components.artifacts"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
