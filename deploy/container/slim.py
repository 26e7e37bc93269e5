"""Takes out of an installed environment what the product never opens, and holds it to a budget.

The Dockerfile runs this on the image's packages. What is listed here was found by recording every
file that the command line, pipelines with every head, Kubeflow's executor and Beam's workers open;
whole packages that nothing opens are left out of the locks instead (left_out.txt).

    python slim.py --variant cpu /opt/venv/lib/python3.13/site-packages
"""

import argparse
import compileall
import shutil
from collections.abc import Iterator
from pathlib import Path

LEFT_OUT = (
    ("**/tests", "tests of libraries"),
    ("**/testdata", "tests of libraries"),
    # Not of every library: scipy.stats._bws_test is a statistical test.
    ("apache_beam/**/*_test.py", "tests of libraries"),
    ("keras/**/*_test.py", "tests of libraries"),
    ("tensorflow_*/**/*_test.py", "tests of libraries"),
    ("tfx*/**/*_test.py", "tests of libraries"),
    ("tfx/examples", "examples"),
    ("tfx/experimental/templates", "examples"),
    ("scipy/misc/*.dat", "example data"),
    ("sklearn/datasets/data", "example data"),
    ("sklearn/datasets/images", "example data"),
    ("matplotlib/mpl-data/sample_data", "example data"),
    ("tensorflow/include", "C++ headers"),
    ("tensorflow/xla_aot_runtime_src", "C++ sources"),
    ("tensorflow/compiler/mlir/stablehlo/stablehlo_extension.so", "a compiler's tools for Python"),
    ("pyarrow/include", "C++ headers"),
    ("nvidia/*/include", "C++ headers"),
    ("**/*.pxd", "Cython sources"),
    ("**/*.pyx", "Cython sources"),
    ("**/*.a", "static libraries"),
    ("pyarrow/libarrow_flight.so*", "Arrow's network protocol"),
    ("pyarrow/libarrow_python_flight.so", "Arrow's network protocol"),
    ("pyarrow/_flight*.so", "Arrow's network protocol"),
    ("matplotlib/mpl-data/fonts/afm", "fonts of PostScript figures"),
    ("matplotlib/mpl-data/fonts/pdfcorefonts", "fonts of PDF figures"),
    ("jedi/third_party", "completion in notebooks"),
    ("tensorboard/webfiles.zip", "pages of TensorBoard"),
    ("tensorboard/plugins/projector/tf_projector_plugin", "pages of TensorBoard"),
    ("tensorflow_model_analysis/static", "widgets in notebooks"),
)
"""What is left out, as glob patterns below site-packages, and what it is."""

BUDGET_MB = {"cpu": 2500, "gpu": 7500}
"""What the packages and their compiled bytecode may weigh, in MB of 10^6 bytes."""


def found(site_packages: Path, pattern: str) -> Iterator[Path]:
    """Yields what a pattern of `LEFT_OUT` names; links and what is gone already are passed by."""
    for path in sorted(site_packages.glob(pattern)):
        if path.exists() and not path.is_symlink():
            yield path


def weight(path: Path) -> float:
    """Returns what a file, or all files of a folder, weigh in MB."""
    files = [path] if path.is_file() else path.rglob("*")
    return sum(file.lstat().st_size for file in files if not file.is_dir()) / 1e6


def slim(site_packages: Path) -> dict[str, float]:
    """Removes what is left out.

    Args:
        site_packages: Of the environment.

    Returns:
        The weight that is gone, in MB, by what it was.
    """
    gone: dict[str, float] = {}
    for pattern, what in LEFT_OUT:
        for path in found(site_packages, pattern):
            gone[what] = gone.get(what, 0.0) + weight(path)
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
    return gone


def main() -> None:
    """Slims, compiles and weighs; the exit code is 1 where the budget is exceeded."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("site_packages", type=Path)
    parser.add_argument("--variant", choices=BUDGET_MB, required=True)
    arguments = parser.parse_args()
    before = weight(arguments.site_packages)
    for what, megabytes in sorted(slim(arguments.site_packages).items(), key=lambda row: -row[1]):
        print(f"{megabytes:8.1f} MB  {what}")
    after = weight(arguments.site_packages)
    # Files that are no Python of this version, such as templates, stay as they are.
    compileall.compile_dir(arguments.site_packages, quiet=2, workers=0)
    total = weight(arguments.site_packages)
    print(f"{before:.0f} MB installed, {after:.0f} MB slimmed, {total:.0f} MB with bytecode")
    budget = BUDGET_MB[arguments.variant]
    if total > budget:
        raise SystemExit(
            f"The image's packages weigh {total:.0f} MB, more than their budget of {budget} MB; "
            "leave more out in deploy/container, or raise the budget in deploy/container/slim.py."
        )


if __name__ == "__main__":
    main()
