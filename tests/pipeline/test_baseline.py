"""Which model a candidate is compared with."""

import ml_metadata as mlmd
from ml_metadata.proto import metadata_store_pb2
from tfx.types.standard_artifacts import Model

from pipeline.baseline import LatestChosenModelStrategy


def trained(number: int) -> Model:
    """What a Trainer leaves."""
    artifact = Model()
    artifact.id = number
    artifact.uri = f"/root/Trainer/model/{number}"
    return artifact


def chosen(number: int, of: int, blessed: bool) -> Model:
    """What a ModelSelector leaves."""
    artifact = Model()
    artifact.id = number
    artifact.uri = f"/root/ModelSelector/model/{number}"
    artifact.set_string_custom_property("trained_model", trained(of).uri)
    artifact.set_int_custom_property("blessed", int(blessed))
    return artifact


def resolve(models: list[Model], *candidates: int) -> list[int]:
    connection = metadata_store_pb2.ConnectionConfig()
    connection.fake_database.SetInParent()
    inputs = {f"candidate_{i}": [trained(i)] for i in candidates}
    resolved = LatestChosenModelStrategy().resolve_artifacts(
        mlmd.MetadataStore(connection), {"model": models, **inputs}
    )
    assert {key: resolved[key] for key in inputs} == inputs
    return [m.id for m in resolved["model"]]


def test_first_model_has_no_baseline() -> None:
    assert resolve([trained(1)], 1) == []


def test_latest_chosen_and_blessed_model() -> None:
    earlier = [chosen(4, of=1, blessed=True), chosen(5, of=2, blessed=True)]
    unblessed = chosen(6, of=3, blessed=False)
    assert resolve([unblessed, *reversed(earlier), *map(trained, (1, 2, 3, 7))], 7) == [5]


def test_models_of_this_run_are_no_baseline() -> None:
    models = [trained(1), trained(2), chosen(3, of=1, blessed=True)]
    assert resolve(models, 1) == []
    assert resolve(models, 2, 1) == []
    assert resolve(models, 2) == [3]
