"""Lowered heads against the libraries that fitted them."""

import numpy as np
import xgboost
from classical_cases import Case, native_scores
from tensorflow.core.protobuf import saved_model_pb2

CORE_OPS = """
AddV2 AssignVariableOp Cast ConcatV2 Const DisableCopyOnRead DivNoNan Exp ExpandDims GatherV2
Identity IsNan Less LessEqual MatMul Maximum Mean MergeV2Checkpoints Minimum Mul Neg NoOp
OnesLike Pack Placeholder Pow ReadVariableOp RealDiv Reshape ResourceGather RestoreV2 SaveV2
Select SelectV2 Shape ShardedFilename Sigmoid Softmax Sqrt StatefulPartitionedCall
StaticRegexFullMatch StridedSlice StringJoin Sub Sum Tile TopKV2 Transpose UnsortedSegmentSum
VarHandleOp
"""


def test_scores_are_the_librarys(case: Case) -> None:
    expected = native_scores(case.fitted, case.features)
    assert case.scores.shape == expected.shape == (len(case.features), len(case.classes))
    assert np.ptp(expected, axis=0).min() > 0.1  # Not the same for every clip.
    np.testing.assert_allclose(case.scores, expected, atol=1e-5)


def test_the_top_class_is_the_librarys_prediction(case: Case) -> None:
    if case.multi_label:
        return
    reduced = case.fitted.reduction.transform(case.features.astype(np.float64))
    if isinstance(case.fitted.native, xgboost.Booster):
        predicted = case.fitted.native.predict(xgboost.DMatrix(reduced)).argmax(axis=1)
    else:
        predicted = case.fitted.native.predict(reduced)
    np.testing.assert_array_equal(case.scores.argmax(axis=1), predicted)


def test_only_core_ops(case: Case) -> None:
    saved = saved_model_pb2.SavedModel.FromString(
        (case.folder / "model" / "saved_model.pb").read_bytes()
    )
    graph = saved.meta_graphs[0].graph_def
    functions = [node.op for function in graph.library.function for node in function.node_def]
    assert {node.op for node in graph.node} | set(functions) <= set(CORE_OPS.split())
