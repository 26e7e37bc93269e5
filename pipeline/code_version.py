"""The version of the code that a node runs: a hash of its modules and their imports."""

import ast
import functools
import hashlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeGuard

from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.base_node import BaseNode

_ROOT = Path(__file__).resolve().parents[1]
_TEMPLATES = (".html", ".css")
_PARAMETER = "code_version"
_NAME = re.compile(r"\b(?:components|pipeline|schema|trainer|vggish)(?:\.\w+)+")


def depend_on_code(node: BaseNode) -> None:
    """Adds a hash of the project's code that a node runs to the node's parameters.

    TFX reuses a node's outputs while its inputs and parameters are the same, and would otherwise
    reuse those of an older version of the code. A node that runs none of this code stays as it is.

    Args:
        node: The node, with its parameters set.
    """
    closure = import_closure(modules_of(node))
    if not closure:
        return
    digest = hashlib.sha256()
    for path in sorted(closure):
        digest.update(f"{path.relative_to(_ROOT)}\n".encode())
        digest.update(path.read_bytes())
    node.exec_properties[_PARAMETER] = digest.hexdigest()[:16]


def modules_of(node: BaseNode) -> set[str]:
    """Names the modules that a node starts from.

    Returns:
        The executor's module, and every module of this project that the parameters name, such as
        that of a `run_fn` or of a metric.
    """
    names = {node.executor_spec.class_path} if isinstance(node, BaseComponent) else set()
    for value in node.exec_properties.values():
        names.update(_NAME.findall(value) if isinstance(value, str) else ())
    # The last part may be a class or a function.
    return names | {name.rpartition(".")[0] for name in names}


def import_closure(modules: Iterable[str]) -> set[Path]:
    """Finds the files of modules, of their imports in this project, and of their packages.

    The templates in a module's folder belong to it.

    Args:
        modules: Dotted names; those outside of the project are ignored.

    Returns:
        Absolute paths.
    """
    closure: set[Path] = set()
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        path = _source(name)
        if path is None or path in closure:
            continue
        closure.add(path)
        closure.update(file for file in path.parent.iterdir() if file.suffix in _TEMPLATES)
        waiting.append(name.rpartition(".")[0])
        waiting.extend(_imports(path))
    return closure


def _source(module: str) -> Path | None:
    base = _ROOT.joinpath(*module.split("."))
    candidates = (base.with_suffix(".py"), base / "__init__.py") if module else ()
    return next((path for path in candidates if path.is_file()), None)


@functools.cache
def _imports(path: Path) -> tuple[str, ...]:
    """Lists the names that a file imports, inside functions as well, but not for type checkers."""
    return tuple(_names(ast.parse(path.read_bytes()).body))


def _names(statements: Iterable[ast.AST]) -> Iterator[str]:
    for statement in statements:
        if isinstance(statement, ast.Import):
            yield from (alias.name for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom):
            module = statement.module or ""
            yield module
            # `from package import name`: the name may be a module.
            yield from (f"{module}.{alias.name}" for alias in statement.names)
        elif _is_for_type_checkers(statement):
            yield from _names(statement.orelse)
        else:
            yield from _names(ast.iter_child_nodes(statement))


def _is_for_type_checkers(statement: ast.AST) -> TypeGuard[ast.If]:
    return (
        isinstance(statement, ast.If)
        and isinstance(statement.test, ast.Name)
        and statement.test.id == "TYPE_CHECKING"
    )
