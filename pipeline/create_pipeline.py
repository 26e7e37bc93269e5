"""The pipeline: its nodes, and the artifacts that flow between them."""

from dataclasses import dataclass
from typing import Any

from tfx.components.infra_validator.component import InfraValidator
from tfx.components.pusher.component import Pusher
from tfx.dsl.components.base.base_node import BaseNode
from tfx.orchestration.data_types import RuntimeParameter
from tfx.orchestration.pipeline import Pipeline
from tfx.proto import infra_validator_pb2, pusher_pb2
from tfx.types.channel import BaseChannel
from tfx.utils import proto_utils

from components.batch_predictor.component import BatchPredictor
from components.cross_validator.component import CrossValidator
from components.embedding_exporter.component import EmbeddingExporter
from components.evaluator.component import Evaluator
from components.model_selector.component import Candidate, ModelSelector
from components.pushed_model_finder.component import PushedModelFinder
from components.report.component import Report
from components.serving_validator.component import ServingValidator
from components.tuner.component import Tuner
from pipeline.clip_nodes import Clips, ingest_clips
from pipeline.code_version import depend_on_code
from pipeline.eval_config import eval_config
from pipeline.runners.beam_options import pipeline_options
from pipeline.trainer_nodes import (
    combine_models,
    cross_validate,
    find_previous_model,
    train_on_features,
    train_on_sound,
    tune,
)
from schema.config.config import Config

PIPELINE_NAME = "vggish-tfx"
SERVING_VERSION = "2.19.1"
"""The version of TensorFlow Serving's image, as in docker-compose.yaml and the Kubernetes files."""


@dataclass(frozen=True)
class Places:
    """The places that a pipeline reads and writes outside of its root, fixed or chosen by a run.

    Attributes:
        data_root: The root of the sounds.
        checkpoint: The path of the network's weights, or `download` or `random`.
        push_destination: The place to push blessed models to, from the function of this name.
    """

    data_root: str | RuntimeParameter
    checkpoint: str | RuntimeParameter
    push_destination: str | RuntimeParameter


def push_destination(folder: str) -> str:
    """Returns a Pusher's destination in JSON: a folder, with one folder per version in it."""
    filesystem = pusher_pb2.PushDestination.Filesystem(base_directory=folder)
    return proto_utils.proto_to_json(pusher_pb2.PushDestination(filesystem=filesystem))


def create_pipeline(
    config: Config, places: Places, *, pipeline_root: str, metadata: Any = None
) -> Pipeline:
    """Builds the pipeline that a configuration describes.

    Args:
        config: The configuration, with the `task` of every model decided.
        places: The places outside of `pipeline_root`.
        pipeline_root: The folder for artifacts.
        metadata: The connection to ML Metadata; None if the runner has its own.

    Returns:
        The pipeline.
    """
    clips = ingest_clips(config, places.data_root, places.checkpoint)
    exporters = _embed(config, clips)
    previous = find_previous_model(config, places.push_destination)
    tuner = tune(config, clips, exporters)
    trainers = _train(config, clips, exporters, previous, tuner)
    rivals = {name: node.outputs["model"] for name, node in trainers.items()}
    baseline = PushedModelFinder(rivals, places.push_destination).with_id("LatestPushedModel")
    evaluators = {
        name: _evaluate(config, clips, trainer, baseline) for name, trainer in trainers.items()
    }
    _name_apart("Evaluator", evaluators)
    validators = cross_validate(config, clips, exporters)
    _name_apart("CrossValidator", validators)
    selector = _select(config, clips, trainers, evaluators, validators)
    validator = _validate(config, clips, selector)
    outcome = _deliver(config, clips, _reported(exporters, tuner), selector, validator, places)
    nodes = [
        *clips.nodes,
        *exporters.values(),
        *(node for node in (previous, tuner) if node),
        *trainers.values(),
        baseline,
        *evaluators.values(),
        *validators.values(),
        selector,
        validator,
        *outcome,
    ]
    for node in nodes:
        depend_on_code(node)
    return Pipeline(
        pipeline_name=config.metadata.history or PIPELINE_NAME,
        pipeline_root=pipeline_root,
        components=nodes,
        enable_cache=True,
        metadata_connection_config=metadata,
        beam_pipeline_args=pipeline_options(config.beam),
    )


def _embed(config: Config, clips: Clips) -> dict[str, EmbeddingExporter]:
    """Embeds once per layer tap, for all models that learn from it; returns nodes by tap."""
    exporters = {
        features: EmbeddingExporter(
            clips.transform.outputs["transformed_examples"],
            clips.transform.outputs["transform_graph"],
            clips.importer.outputs["weights"],
            clips.example_gen.outputs["rejects"],
            features=features,
            with_table=config.features.writes_table(config.size_of(features)),
            cache=config.features.cache,
        )
        for features in dict.fromkeys(model.features for model in config.model)
    }
    _name_apart("EmbeddingExporter", exporters)
    return exporters


def _train(
    config: Config,
    clips: Clips,
    exporters: dict[str, EmbeddingExporter],
    previous: PushedModelFinder | None,
    tuner: Tuner | None,
) -> dict[str, BaseNode]:
    """Trains every configured model, and the tuned one; returns the nodes by model."""
    trainers: dict[str, BaseNode] = {
        model.title: (
            train_on_features(config, model, clips, exporters[model.features])
            if model.on_features
            else train_on_sound(config, model, clips, previous)
        )
        for model in config.model
        if model.head != "ensemble"
    }
    if tuner:
        model = config.tuned_model
        trainers[model.title] = train_on_features(
            config, model, clips, exporters[model.features], tuner
        )
    trainers |= {
        model.title: combine_models(config, model, clips, exporters[model.features], trainers)
        for model in config.model
        if model.head == "ensemble"
    }
    _name_apart("Trainer", trainers)
    return trainers


def _evaluate(config: Config, clips: Clips, trainer: BaseNode, baseline: BaseNode) -> Evaluator:
    return Evaluator(
        examples=clips.example_gen.outputs["examples"],
        example_splits=["test"],
        model=trainer.outputs["model"],
        baseline_model=baseline.outputs["model"],
        eval_config=eval_config(config.evaluate, multi_label=config.multi_label),
        schema=clips.schema.outputs["schema"],
    )


def _select(
    config: Config,
    clips: Clips,
    trainers: dict[str, BaseNode],
    evaluators: dict[str, Evaluator],
    validators: dict[str, CrossValidator],
) -> ModelSelector:
    candidates = {
        name: Candidate(
            trainer.outputs["model"],
            trainer.outputs["model_run"],
            evaluators[name].outputs["evaluation"],
            evaluators[name].outputs["blessing"],
        )
        for name, trainer in trainers.items()
    }
    return ModelSelector(
        candidates,
        clips.example_gen.outputs["rejects"],
        {name: node.outputs["cross_validation"] for name, node in validators.items()},
        about=config.card.model_dump_json(),
    )


def _validate(
    config: Config, clips: Clips, selector: ModelSelector
) -> ServingValidator | InfraValidator:
    """Calls the chosen model as a server would."""
    model, examples = selector.outputs["model"], clips.example_gen.outputs["examples"]
    if config.push.validate_in == "docker":
        return InfraValidator(
            model=model,
            examples=examples,
            serving_spec=infra_validator_pb2.ServingSpec(
                tensorflow_serving=infra_validator_pb2.TensorFlowServing(tags=[SERVING_VERSION]),
                local_docker=infra_validator_pb2.LocalDockerConfig(),
            ),
            request_spec=infra_validator_pb2.RequestSpec(
                tensorflow_serving=infra_validator_pb2.TensorFlowServingRequestSpec(
                    signature_names=["examples"]
                ),
                split_name="eval",
                num_examples=8,
            ),
        )
    return ServingValidator(
        model,
        selector.outputs["model_run"],
        examples,
        max_latency_ms=config.push.max_latency_ms,
        max_memory_mb=config.push.max_memory_mb,
    )


def _reported(
    exporters: dict[str, EmbeddingExporter], tuner: Tuner | None
) -> dict[str, BaseChannel]:
    """Returns the inputs of the report that not every run has in the same number."""
    exported = {
        f"{key}_{features}": exporter.outputs[key]
        for features, exporter in exporters.items()
        for key in ("embeddings", "table")
    }
    return exported | ({"trials": tuner.outputs["trials"]} if tuner else {})


def _deliver(
    config: Config,
    clips: Clips,
    reported: dict[str, BaseChannel],
    selector: ModelSelector,
    validator: ServingValidator | InfraValidator,
    places: Places,
) -> tuple[BaseNode, ...]:
    """Pushes the chosen model, predicts, and reports."""
    pusher = Pusher(
        model=selector.outputs["model"],
        model_blessing=selector.outputs["blessing"],
        infra_blessing=validator.outputs["blessing"],
        push_destination=places.push_destination,
    )
    predictor = BatchPredictor(
        clips.example_gen.outputs["examples"],
        selector.outputs["model"],
        clips.example_gen.outputs["rejects"],
        predict=config.predict,
        resampler=config.ingest.resampler,
    )
    report = Report(
        rejects=clips.example_gen.outputs["rejects"],
        examples=clips.example_gen.outputs["examples"],
        weights=clips.importer.outputs["weights"],
        infra_blessing=validator.outputs["blessing"],
        pushed_model=pusher.outputs["pushed_model"],
        test_predictions=predictor.outputs["test_predictions"],
        test_events=predictor.outputs["test_events"],
        **selector.outputs,
        **reported,
        # The report shows what was chosen, not where a run happened or how it was retried.
        config=config.model_dump_json(exclude={"run", "metadata"}, exclude_defaults=True),
    )
    return pusher, predictor, report


def _name_apart(kind: str, nodes: dict[str, Any]) -> None:
    """Gives nodes of one kind different names if there are several."""
    for name, node in nodes.items():
        node.with_id(f"{kind}_{name}" if len(nodes) > 1 else kind)
