"""One worker of a training on this machine; `trainer.workers.local_workers` starts it."""

import importlib
import json
import os
import sys
import threading
from pathlib import Path

from tfx.components.trainer.fn_args_utils import FnArgs

from vggish.errors import VggishError


def main() -> None:
    """Runs a `run_fn`: `python -m trainer.workers.worker CALL FAULT`, both JSON files."""
    call_file, fault_file = map(Path, sys.argv[1:])
    threading.Thread(target=_end_with_parent, daemon=True).start()
    call = json.loads(call_file.read_text())
    module, _, name = call["run_fn"].rpartition(".")
    try:
        getattr(importlib.import_module(module), name)(FnArgs(**call["fn_args"]))
    except VggishError as error:
        fault_file.write_text(json.dumps([type(error).__name__, str(error)]))
        sys.exit(2)


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    main()
