"""Where a node keeps what it has done, in case that it is killed."""

import hashlib
import json
import os
from typing import Any

from tfx.types.artifact import Artifact


def unfinished_folder(
    name: str, output: str, input_dict: dict[str, list[Artifact]], exec_properties: dict[str, Any]
) -> str:
    """Returns a folder that a node finds again after it was killed.

    A killed node starts again with other output folders. This one is found by every execution of
    the node with the same inputs and parameters, and by no other.

    Args:
        name: Name of the folder in the node's folder, which also has one folder per output.
        output: URI of one of the node's outputs.
        input_dict: The inputs.
        exec_properties: The parameters.
    """
    node_folder = os.path.dirname(os.path.dirname(output))
    uris = {key: [artifact.uri for artifact in input_dict[key]] for key in sorted(input_dict)}
    facts = json.dumps([uris, exec_properties], sort_keys=True, default=str)
    fingerprint = hashlib.sha256(facts.encode()).hexdigest()[:16]
    return os.path.join(node_folder, name, fingerprint)
