"""Embedding sound files without a pipeline."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from vggish.audio.decoding import Resampler
from vggish.audio.sound_files import printable_name
from vggish.audio.stretches import decode_in_stretches, window_stretches
from vggish.embedding.clip_embedding import ClipEmbedding
from vggish.embedding.embedder import Embedder
from vggish.embedding.embedding_files import WriteClip
from vggish.errors import AudioError
from vggish.networks.log_mel import num_real_frames
from vggish.networks.network import FrontEnd
from vggish.networks.window_batches import WINDOWS_A_BATCH
from vggish.params import SAMPLE_RATE, WINDOW_SAMPLES


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


class _Source:
    """A file that is heard in stretches, and the features of those that were embedded."""

    def __init__(self, path: Path):
        self.path = path
        self.samples = self.clipped = 0
        self.parts: list[np.ndarray] = []

    def stretches(
        self, front_end: FrontEnd, resampler: Resampler
    ) -> Iterator[tuple[np.ndarray, bool]]:
        """Yields the file's stretches, and whether it is the last."""
        blocks = self._counted(decode_in_stretches(self.path, resampler=resampler))
        return window_stretches(blocks, WINDOW_SAMPLES, front_end.hop_samples, WINDOWS_A_BATCH)

    def _counted(self, blocks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        for block in blocks:
            self.samples += block.size
            self.clipped += int(np.count_nonzero(np.abs(block) > 1.0))
            yield block


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

    def decoded() -> Iterator[tuple[tuple[_Source, bool], np.ndarray]]:
        for path in paths:
            source = _Source(path)
            try:
                for stretch, is_last in source.stretches(embedder.front_end, resampler):
                    yield (source, is_last), stretch
            except AudioError as error:
                outcome.failures.append(
                    EmbedFailure(printable_name(path), error.reason, str(error))
                )
                if advance:
                    advance()

    for (source, is_last), vectors in embedder.embed(decoded()):
        source.parts.append(vectors)
        if not is_last:
            continue
        whole = np.concatenate(source.parts)
        write(
            ClipEmbedding(
                fname=printable_name(source.path),
                label=printable_name(source.path.parent.name) if label_from_folder else None,
                duration=source.samples / SAMPLE_RATE,
                real_frames=int(num_real_frames(source.samples, embedder.front_end)),
                vectors=whole,
            )
        )
        outcome.clips += 1
        outcome.windows += len(whole)
        outcome.clipped_samples += source.clipped
        if advance:
            advance()
    return outcome
