"""Runs the code cells of a notebook in IPython, in order, as Jupyter does.

Called as `python run_notebook.py NOTEBOOK VALUES`: VALUES, a JSON object, replaces the first cell.
"""

import json
import sys
from pathlib import Path

from IPython.core.interactiveshell import InteractiveShell


def main(notebook: str, values: str) -> None:
    cells = json.loads(Path(notebook).read_text("utf-8"))["cells"]
    _, *codes = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    shell = InteractiveShell.instance()
    shell.push(json.loads(values))
    for code in codes:
        shell.run_cell(code).raise_error()


if __name__ == "__main__":
    main(*sys.argv[1:])
