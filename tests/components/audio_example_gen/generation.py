"""Running the executor of AudioExampleGen without a pipeline around it."""

import json
from dataclasses import dataclass
from pathlib import Path

import tensorflow as tf
from beam_pipelines import local_context
from tfx.types import artifact_utils, standard_artifacts

from components.artifacts import Noise, Rejects
from components.audio_example_gen.executor import Executor
from schema.config.ingest_settings import IngestSettings
from schema.config.source_settings import SourceSettings
from schema.config.split_settings import SplitSettings


@dataclass(frozen=True)
class Clip:
    """A written example."""

    split: str
    labels: tuple[str, ...]
    group: str | None
    pcm: bytes
    source_rate: int
    duration: float
    embedding: tuple[float, ...]


@dataclass(frozen=True)
class Generated:
    """What an execution left."""

    summary: dict
    clips: dict[str, Clip]
    rejects: dict[str, str]
    details: dict[str, str]
    splits: list[str]
    noise: dict[str, Clip]


def generate(
    output: Path,
    source: dict,
    ingest: dict | None = None,
    split: dict | None = None,
) -> Generated:
    examples, noise, rejects = standard_artifacts.Examples(), Noise(), Rejects()
    examples.uri = str(output / "node" / "examples" / "1")
    noise.uri = str(output / "node" / "noise" / "1")
    rejects.uri = str(output / "node" / "rejects" / "1")
    for artifact in (examples, noise, rejects):
        Path(artifact.uri).mkdir(parents=True)
    Executor(local_context(output)).Do(
        {},
        {"examples": [examples], "noise": [noise], "rejects": [rejects]},
        {
            "data_root": source["root"],
            "source": SourceSettings(**source).model_dump_json(exclude={"root"}),
            "ingest": IngestSettings(**(ingest or {})).model_dump_json(),
            "split": SplitSettings(**(split or {})).model_dump_json(),
        },
    )
    lines = (Path(rejects.uri) / "rejects.jsonl").read_text().splitlines()
    refused = [json.loads(line) for line in lines]
    splits = artifact_utils.decode_split_names(examples.split_names)
    clips: dict[str, Clip] = {}
    for name in splits:
        for clip_id, clip in _read(Path(examples.uri) / f"Split-{name}", name):
            assert clip_id not in clips
            clips[clip_id] = clip
    return Generated(
        summary=json.loads((Path(rejects.uri) / "summary.json").read_text()),
        clips=clips,
        rejects={line["clip_id"]: line["reason"] for line in refused},
        details={line["clip_id"]: line["detail"] for line in refused},
        splits=splits,
        noise=dict(_read(Path(noise.uri), "")),
    )


def _read(folder: Path, split: str) -> list[tuple[str, Clip]]:
    read = []
    for path in folder.iterdir():
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            features = tf.train.Example.FromString(record).features.feature
            groups = features["group"].bytes_list.value
            clip = Clip(
                split=split,
                labels=tuple(label.decode() for label in features["labels"].bytes_list.value),
                group=groups[0].decode() if groups else None,
                pcm=b"".join(features["pcm"].bytes_list.value),
                source_rate=sum(features["source_rate"].int64_list.value),
                duration=next(iter(features["duration"].float_list.value), float("nan")),
                embedding=tuple(features["embedding"].float_list.value),
            )
            read.append((features["clip_id"].bytes_list.value[0].decode(), clip))
    return read
