"""The pipeline: its nodes, and the artifacts that flow between them."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tfx.components.infra_validator.component import InfraValidator
from tfx.components.pusher.component import Pusher
from tfx.components.statistics_gen.component import StatisticsGen
from tfx.components.trainer.component import Trainer
from tfx.components.transform.component import Transform
from tfx.dsl.components.base.base_node import BaseNode
from tfx.orchestration.data_types import RuntimeParameter
from tfx.orchestration.pipeline import Pipeline
from tfx.proto import infra_validator_pb2, pusher_pb2, trainer_pb2
from tfx.types.channel import BaseChannel
from tfx.utils import proto_utils

from components.audio_example_gen.component import AudioExampleGen
from components.batch_predictor.component import BatchPredictor
from components.embedding_exporter.component import EmbeddingExporter
from components.evaluator.component import Evaluator
from components.example_validator.component import ExampleValidator
from components.model_selector.component import Candidate, ModelSelector
from components.network_importer.component import NetworkImporter
from components.pushed_model_finder.component import PushedModelFinder
from components.report.component import Report
from components.schema_importer.component import SchemaImporter
from components.serving_validator.component import ServingValidator
from components.warm_start_trainer.component import WarmStartTrainer
from pipeline.code_version import depend_on_code
from pipeline.eval_config import eval_config
from pipeline.runners.beam_options import pipeline_options
from schema.config.config import Config
from schema.config.model_settings import ModelSettings

PIPELINE_NAME = "vggish-tfx"
SERVING_VERSION = "2.19.1"
"""The version of TensorFlow Serving's image, as in docker-compose.yaml and the Kubernetes files."""

SCHEMA_FOLDER = Path(__file__).resolve().parents[1] / "schema"
_SCHEMAS = {"audioset_embeddings": "embedded.pbtxt", "embeddings": "embedding_table.pbtxt"}
"""Schemas of clip examples without sound, by the kind of the source."""


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
    clips = _ingest(config, places)
    exporters = _embed(config, clips)
    previous = _previous_model(config, places)
    trainers = {
        model.title: (
            _train_on_sound(config, model, clips, previous)
            if model.head == "warm_start"
            else _train(config, model, clips, exporters[model.features])
        )
        for model in config.model
    }
    _name_apart("Trainer", trainers)
    rivals = {name: node.outputs["model"] for name, node in trainers.items()}
    baseline = PushedModelFinder(rivals, places.push_destination).with_id("LatestPushedModel")
    evaluators = {
        name: _evaluate(config, clips, trainer, baseline) for name, trainer in trainers.items()
    }
    _name_apart("Evaluator", evaluators)
    selector = _select(config, clips, trainers, evaluators)
    validator = _validate(config, clips, selector)
    outcome = _deliver(config, clips, exporters, selector, validator, places)
    nodes = [
        *clips.nodes,
        *exporters.values(),
        *([previous] if previous else []),
        *trainers.values(),
        baseline,
        *evaluators.values(),
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


@dataclass(frozen=True)
class _Clips:
    """The nodes that all models share: from sound files to log-mel windows, and the network."""

    example_gen: AudioExampleGen
    schema: SchemaImporter
    statistics: StatisticsGen
    validator: ExampleValidator
    transform: Transform
    importer: NetworkImporter

    @property
    def nodes(self) -> Iterable[BaseNode]:
        return vars(self).values()


def _ingest(config: Config, places: Places) -> _Clips:
    example_gen = AudioExampleGen(
        config.source,
        places.data_root,
        ingest=config.ingest,
        split=config.split,
    )
    schema_file = _SCHEMAS.get(config.source.kind, "schema.pbtxt")
    schema = SchemaImporter((SCHEMA_FOLDER / schema_file).read_text())
    statistics = StatisticsGen(example_gen.outputs["examples"], schema.outputs["schema"])
    validator = ExampleValidator(statistics.outputs["statistics"], schema.outputs["schema"])
    transform = Transform(
        examples=example_gen.outputs["examples"],
        schema=schema.outputs["schema"],
        preprocessing_fn="trainer.preprocessing.preprocessing_fn",
        # StatisticsGen describes the clips; nobody needs quantiles of every log-mel value.
        disable_statistics=True,
        custom_config={
            "front_end": asdict(config.features.front_end),
            "embedding_size": config.embedding_size,
        },
    )
    # Anomalies stop the run before the expensive nodes start.
    transform.add_upstream_node(validator)
    features = config.features
    importer = NetworkImporter(
        config.network, places.checkpoint, features.seed, features.pca_params, features.compute
    )
    return _Clips(example_gen, schema, statistics, validator, transform, importer)


def _embed(config: Config, clips: _Clips) -> dict[str, EmbeddingExporter]:
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
    config: Config, model: ModelSettings, clips: _Clips, exporter: EmbeddingExporter
) -> Trainer:
    return Trainer(
        run_fn="trainer.fitting.frozen_head.run_fn",
        examples=exporter.outputs["embeddings"],
        **_known_to_every_trainer(clips),
        train_args=trainer_pb2.TrainArgs(splits=["train"]),
        eval_args=trainer_pb2.EvalArgs(splits=["eval"]),
        custom_config=_job(config, model),
    )


def _train_on_sound(
    config: Config, model: ModelSettings, clips: _Clips, previous: PushedModelFinder | None
) -> WarmStartTrainer:
    return WarmStartTrainer(
        "trainer.warm_start.training.run_fn",
        {
            "examples": clips.example_gen.outputs["examples"],
            "noise": clips.example_gen.outputs["noise"],
            **_known_to_every_trainer(clips),
            **({"previous_model": previous.outputs["model"]} if previous else {}),
        },
        _job(config, model),
    )


def _previous_model(config: Config, places: Places) -> PushedModelFinder | None:
    """Finds the model to continue from, if a configured model asks for it."""
    if all(model.warm_start.start == "checkpoint" for model in config.model):
        return None
    return PushedModelFinder({}, places.push_destination).with_id("PreviousModel")


def _known_to_every_trainer(clips: _Clips) -> dict[str, BaseChannel]:
    return {
        "transform_graph": clips.transform.outputs["transform_graph"],
        "schema": clips.schema.outputs["schema"],
        "base_model": clips.importer.outputs["weights"],
    }


def _job(config: Config, model: ModelSettings) -> dict[str, Any]:
    """Builds the input of `trainer.fitting.training_job.read_training_job`."""
    return {
        "model": model.model_dump(mode="json", exclude={"train"}),
        "train": config.train_settings(model).model_dump(mode="json"),
        "features": config.features.model_dump(mode="json", exclude={"cache"}),  # Changes no model.
        "max_clip_samples": config.ingest.max_clip_samples,
        "embedding_size": config.embedding_size,
        "target_precision": config.evaluate.target_precision,
    }


def _evaluate(config: Config, clips: _Clips, trainer: BaseNode, baseline: BaseNode) -> Evaluator:
    return Evaluator(
        examples=clips.example_gen.outputs["examples"],
        example_splits=["test"],
        model=trainer.outputs["model"],
        baseline_model=baseline.outputs["model"],
        eval_config=eval_config(config.evaluate, multi_label=config.multi_label),
        schema=clips.schema.outputs["schema"],
    )


def _select(
    config: Config, clips: _Clips, trainers: dict[str, BaseNode], evaluators: dict[str, Evaluator]
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
        about=config.card.model_dump_json(),
    )


def _validate(
    config: Config, clips: _Clips, selector: ModelSelector
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


def _deliver(
    config: Config,
    clips: _Clips,
    exporters: dict[str, EmbeddingExporter],
    selector: ModelSelector,
    validator: ServingValidator | InfraValidator,
    places: Places,
) -> tuple[BaseNode, ...]:
    """Pushes the chosen model, predicts on clips without labels, and reports."""
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
    )
    report = Report(
        rejects=clips.example_gen.outputs["rejects"],
        examples=clips.example_gen.outputs["examples"],
        weights=clips.importer.outputs["weights"],
        infra_blessing=validator.outputs["blessing"],
        pushed_model=pusher.outputs["pushed_model"],
        test_predictions=predictor.outputs["test_predictions"],
        **selector.outputs,
        **{
            f"{key}_{features}": exporter.outputs[key]
            for features, exporter in exporters.items()
            for key in ("embeddings", "table")
        },
        # The report shows what was chosen, not where a run happened or how it was retried.
        config=config.model_dump_json(exclude={"run", "metadata"}, exclude_defaults=True),
    )
    return pusher, predictor, report


def _name_apart(kind: str, nodes: dict[str, Any]) -> None:
    """Gives nodes of one kind different names if there are several."""
    for name, node in nodes.items():
        node.with_id(f"{kind}_{name}" if len(nodes) > 1 else kind)
