"""The pipeline for notebooks: `import vggish_tfx as vt`.

Names are loaded when they are first used, so that the import costs nothing.
"""

import importlib
import importlib.metadata

__version__ = importlib.metadata.version("vggish-tfx")

_MODULE_OF = {
    "Model": "models",
    "Run": "runs",
    "catalog": "runs",
    "embed": "models",
    "load": "models",
    "run": "runs",
}

__all__ = sorted(_MODULE_OF)  # noqa: PLE0605  A list of names, each served by __getattr__.


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'vggish_tfx' has no attribute {name!r}")
    return getattr(importlib.import_module(f"vggish_tfx.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULE_OF})
