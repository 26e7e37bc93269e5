"""What makes a node run again: the code that it runs, and no other."""

from pathlib import Path
from typing import Any

import grimp
import pytest
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.orchestration.pipeline import Pipeline

from pipeline import code_version as module
from pipeline.config_checks import check_config_without_data
from pipeline.create_pipeline import Places, create_pipeline, push_destination
from schema.config.config import Config

PACKAGES = ("components", "pipeline", "schema", "trainer", "vggish")
ROOT = Path(__file__).resolve().parents[2]


def pipeline_of(**sections: Any) -> Pipeline:
    config = Config.model_validate(
        {"source": {"root": "sounds"}, "features": {"checkpoint": "random"}} | sections
    )
    places = Places("sounds", "random", push_destination("serving"))
    return create_pipeline(check_config_without_data(config), places, pipeline_root="root")


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return pipeline_of(model=[{"head": "dense"}, {"head": "warm_start"}])


def write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    module._imports.cache_clear()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write(tmp_path, "vggish/__init__.py", "")
    write(tmp_path, "vggish/audio.py", "import os")
    write(tmp_path, "vggish/other.py", "")
    write(tmp_path, "components/__init__.py", "")
    write(tmp_path, "components/node.py", "def run():\n    from vggish import audio")
    write(tmp_path, "components/node.html", "")
    monkeypatch.setattr(module, "_ROOT", tmp_path)
    return tmp_path


def closure(root: Path) -> list[str]:
    found = module.import_closure(["components.node"])
    return sorted(str(path.relative_to(root)) for path in found)


def test_the_closure_follows_imports_and_takes_templates_along(project: Path) -> None:
    assert closure(project) == [
        "components/__init__.py",
        "components/node.html",
        "components/node.py",
        "vggish/__init__.py",
        "vggish/audio.py",
    ]


def test_an_import_behind_its_back_is_noticed(project: Path) -> None:
    write(
        project, "vggish/audio.py", "try:\n    import vggish.other\nexcept ImportError:\n    pass"
    )
    assert "vggish/other.py" in closure(project)


def test_imports_for_type_checkers_run_nothing(project: Path) -> None:
    text = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import vggish.other"
    write(project, "vggish/audio.py", text)
    assert "vggish/other.py" not in closure(project)


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(
        *PACKAGES,
        exclude_type_checking_imports=True,
        cache_dir=None,
        include_external_packages=False,
    )


def test_every_closure_is_what_an_import_graph_says(
    pipeline: Pipeline, graph: grimp.ImportGraph
) -> None:
    for node in pipeline.components:
        roots = {name for name in module.modules_of(node) if name in graph.modules}
        reached = roots.union(*(graph.find_upstream_modules(name) for name in roots))
        # A module runs its packages' `__init__`, too, which a graph of modules does not say.
        while True:
            packages = {name.rpartition(".")[0] for name in reached} & graph.modules
            upstream = set().union(*(graph.find_upstream_modules(name) for name in packages))
            if packages | upstream <= reached:
                break
            reached |= packages | upstream
        found = module.import_closure(module.modules_of(node))
        names = {
            ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            for path in found
            if path.suffix == ".py"
        }
        assert names == reached, node.id


def test_nodes_depend_on_what_they_run_and_nothing_else(pipeline: Pipeline) -> None:
    parts = {
        node.id: {str(p.relative_to(ROOT)) for p in module.import_closure(module.modules_of(node))}
        for node in pipeline.components
    }
    assert "trainer/heads/neighbours.py" in parts["Trainer_dense"]
    assert "trainer/metrics/cross_entropy.py" in parts["Evaluator_dense"]
    assert "components/counts.py" in parts["AudioExampleGen"]
    assert "components/model_selector/card.html" in parts["ModelSelector"]
    for node in ("EmbeddingExporter", "Transform", "AudioExampleGen"):
        assert not [path for path in parts[node] if path.startswith("trainer/heads/")], node
    for node, paths in parts.items():
        assert not [path for path in paths if path.startswith("pipeline/")], node


def test_the_parameter_follows_the_code(
    project: Path, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    (node,) = (node for node in pipeline.components if node.id == "AudioExampleGen")
    write(project, "components/audio_example_gen/__init__.py", "")
    versions = []
    for text in ("1", "2"):
        write(project, "components/audio_example_gen/executor.py", text)
        module.depend_on_code(node)
        versions.append(node.exec_properties["code_version"])
    assert versions[0] != versions[1]


def test_every_node_that_runs_our_code_has_its_version(pipeline: Pipeline) -> None:
    without = {
        node.id for node in pipeline.components if "code_version" not in node.exec_properties
    }
    assert without == {"StatisticsGen", "Pusher"}
    assert all(isinstance(node, BaseComponent) for node in pipeline.components)
