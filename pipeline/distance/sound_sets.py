"""The embeddings of a set of sounds, from each form that `distance` takes."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.predict.inputs import find_pushed_model, find_sounds, is_model
from schema.model_card import read_model_card
from schema.training_statistics import MOST_DIMENSIONS, read_training_statistics
from vggish.distances.gaussian import Gaussian
from vggish.embedding.clip_embedding import ClipEmbedding
from vggish.embedding.embed_files import embed_files
from vggish.embedding.embedder import Embedder
from vggish.errors import CheckpointError, ConfigError
from vggish.networks.network_table import find_network
from vggish.weights.checkpoint import resolve


@dataclass(frozen=True)
class SoundSet:
    """A set of sounds.

    Attributes:
        path: What the user named.
        statistics: Mean and covariance of its embeddings.
        vectors: The embeddings, float32 [n, D]; None if only their statistics are known.
        names: The file of each embedding; empty if only statistics are known.
        by_window: Whether there is one embedding per window, not per clip.
    """

    path: str
    statistics: Gaussian
    vectors: np.ndarray | None
    names: tuple[str, ...]
    by_window: bool


@dataclass(frozen=True)
class Features:
    """What embeds the sounds of a folder.

    Attributes:
        network: One of `NETWORKS`.
        name: One of the network's features.
        checkpoint: Path of the weights, `download` or `random`.
        origin: SHA-256 that the weights must have, or `random`; None for any.
    """

    network: str
    name: str
    checkpoint: str
    origin: str | None = None


def choose_features(paths: tuple[str, str], network: str, name: str, checkpoint: str) -> Features:
    """Takes the features of a model, if one of two paths is a model, or else the given ones.

    Args:
        paths: What the user named.
        network: One of `NETWORKS`.
        name: One of the network's features.
        checkpoint: As in `resolve`.

    Raises:
        ConfigError: The network of the model is unknown.
        VggishError: The network or its features do not exist.
    """
    for path in filter(is_model, paths):
        card = read_model_card(find_pushed_model(path))
        if card["network"] is None:
            raise ConfigError(
                f"The model in {path} learned from embeddings of an unknown network, which cannot "
                "embed sounds; compare with another model, or name two sets of sounds."
            )
        return Features(card["network"], card["features"], checkpoint, card["weights"])
    find_network(network).find_feature(name)
    return Features(network, name, checkpoint)


def read_sound_set(path: str, features: Features) -> SoundSet:
    """Reads a set of sounds.

    Args:
        path: A folder of sounds, a table that `embed` wrote (Parquet), or a model or its run.
        features: What embeds the sounds of a folder.

    Raises:
        VggishError: The path is none of these, or the weights are not the model's.
    """
    if is_model(path):
        return _read_model(path)
    if Path(path).suffix == ".parquet":
        return _read_table(path)
    return _embed(path, features)


def _read_model(path: str) -> SoundSet:
    statistics = read_training_statistics(find_pushed_model(path))
    if statistics is None:
        raise ConfigError(
            f"The model in {path} has no statistics of its training set, which are kept for frozen "
            f"features of at most {MOST_DIMENSIONS:,} numbers; name the folder of the sounds."
        )
    return SoundSet(path, statistics, None, (), by_window=True)


def _read_table(path: str) -> SoundSet:
    try:
        table = pq.read_table(path)
    except (FileNotFoundError, pa.ArrowInvalid) as error:
        raise ConfigError(
            f"{path} is not a Parquet table; name one that `vggish-tfx embed` wrote."
        ) from error
    columns = [name for name in table.column_names if name.startswith("emb_")]
    if not columns or not len(table):
        raise ConfigError(
            f"{path} has no embeddings, in columns emb_0 and so on; name a table that `vggish-tfx "
            "embed` wrote."
        )
    vectors = np.stack([table[name].to_numpy() for name in columns], axis=1)
    names = tuple(table["fname"].to_pylist())
    return SoundSet(
        path, Gaussian.of(vectors), vectors, names, "start_seconds" in table.schema.names
    )


def _embed(path: str, features: Features) -> SoundSet:
    weights = None
    if find_network(features.network).find_feature(features.name).layers:
        weights, found = resolve(features.checkpoint, network=features.network)
        if features.origin not in {None, found}:
            raise CheckpointError(
                f"The weights of {features.checkpoint} ({found}) are not those that the model was "
                f"trained with ({features.origin}); give its --checkpoint."
            )
    clips: list[ClipEmbedding] = []
    embedder = Embedder(features.name, weights, network=features.network)
    outcome = embed_files(find_sounds([path]), embedder, clips.append)
    if not clips:
        raise ConfigError(f"No file of {path} is a sound: {outcome.failures[0].detail}")
    vectors = np.concatenate([clip.vectors for clip in clips])
    names = tuple(clip.fname for clip in clips for _ in clip.vectors)
    return SoundSet(path, Gaussian.of(vectors), vectors, names, by_window=True)
