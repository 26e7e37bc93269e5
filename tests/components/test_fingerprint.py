"""Caching of nodes that read from outside the pipeline."""

from pathlib import Path

from tfx.dsl.compiler.compiler import Compiler
from tfx.orchestration.pipeline import Pipeline
from tfx.orchestration.portable.data_types import ExecutionInfo

from components.fingerprint import FingerprintDriver
from components.network_importer.component import NetworkImporter


def test_a_changed_file_changes_the_properties_of_the_node(tmp_path: Path) -> None:
    checkpoint = tmp_path / "model.ckpt"
    importer = NetworkImporter(
        "vggish", str(checkpoint), seed=1, pca_params=None, compute="float32"
    )
    compiled = Compiler().compile(Pipeline("p", str(tmp_path), components=[importer]))
    (node,) = compiled.nodes
    info = ExecutionInfo(
        input_dict={},
        exec_properties={"checkpoint": str(checkpoint), "seed": 1},
        pipeline_node=node.pipeline_node,
    )
    found = []
    for content in ("", "1", "1", "12"):
        if content:
            checkpoint.write_text(content)
        properties = FingerprintDriver(None).run(info).exec_properties
        assert properties["seed"].int_value == 1
        found.append(properties["input_fingerprint"].string_value.rpartition(" ")[0])
    assert found[1] == found[2]
    assert len(set(found)) == 3
