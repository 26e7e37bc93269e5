"""The version of the code that computes artifacts."""

import functools
import hashlib
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]


@functools.cache
def code_version(*sources: str) -> str:
    """Returns a hash of the sources that a node runs: those of folders or files, and VGGish's.

    It is a parameter of every node of ours: TFX reuses a node's outputs while its inputs and
    parameters are the same, and would otherwise reuse those of an older version of the code.

    Args:
        sources: Below the project's root, such as `components/report`.
    """
    digest = hashlib.sha256()
    for source in ("vggish", *sources):
        root = _ROOT / source
        for path in [root] if root.is_file() else sorted(root.rglob("*.*")):
            if path.suffix in (".py", ".html"):
                digest.update(f"{path.relative_to(_ROOT)}\n".encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
