"""Embedding sound files without a pipeline."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from vggish.audio.decoding import Resampler, decode
from vggish.audio.sound_files import printable_name
from vggish.embedding.clip_embedding import ClipEmbedding
from vggish.embedding.embedder import Embedder
from vggish.embedding.embedding_files import WriteClip
from vggish.errors import AudioError
from vggish.networks.log_mel import num_real_frames


@dataclass(frozen=True)
class EmbedFailure:
    """A file that could not be embedded.

    Attributes:
        fname: Name of the file.
        reason: One of `AudioError.REASONS`.
        detail: One sentence.
    """

    fname: str
    reason: str
    detail: str


@dataclass
class EmbedOutcome:
    """Result of embedding files: each is either embedded or a failure.

    Attributes:
        clips: Number of embedded files.
        windows: Number of their windows.
        clipped_samples: Number of samples that were outside [-1, 1] and were clipped.
        failures: Files that were not embedded.
    """

    clips: int = 0
    windows: int = 0
    clipped_samples: int = 0
    failures: list[EmbedFailure] = field(default_factory=list)


@dataclass(frozen=True)
class _Source:
    path: Path
    duration: float
    samples: int


def embed_files(
    paths: Iterable[Path],
    embedder: Embedder,
    write: WriteClip,
    *,
    resampler: Resampler = "resampy",
    label_from_folder: bool = False,
    advance: Callable[[], None] | None = None,
) -> EmbedOutcome:
    """Embeds files one after the other and continues after those that are not sounds.

    Args:
        paths: The files.
        embedder: Embedder of the features.
        write: Function that takes each embedded clip, in the order of the files.
        resampler: Resampler of other rates to 16 kHz.
        label_from_folder: Whether the name of a file's folder is its label.
        advance: Function that is called after every file.

    Returns:
        The numbers of embedded files, and the failures.
    """
    outcome = EmbedOutcome()

    def decoded() -> Iterator[tuple[_Source, np.ndarray]]:
        for path in paths:
            try:
                clip = decode(path, resampler=resampler)
            except AudioError as error:
                outcome.failures.append(
                    EmbedFailure(printable_name(path), error.reason, str(error))
                )
                if advance:
                    advance()
                continue
            outcome.clipped_samples += clip.clipped
            yield _Source(path, clip.duration, clip.samples.size), clip.samples

    for source, vectors in embedder.embed(decoded()):
        write(
            ClipEmbedding(
                fname=printable_name(source.path),
                label=printable_name(source.path.parent.name) if label_from_folder else None,
                duration=source.duration,
                real_frames=int(num_real_frames(source.samples, embedder.front_end)),
                vectors=vectors,
            )
        )
        outcome.clips += 1
        outcome.windows += len(vectors)
        if advance:
            advance()
    return outcome
