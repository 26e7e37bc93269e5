"""The commands that use a network without a pipeline: `embed`, `distance`, `convert`, `check`."""

import json
import posixpath
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from pipeline.cli.options import CHECKPOINT, NETWORK, PCA, JsonOption
from pipeline.cli.process_exit import EXIT_FAILURE
from vggish.errors import ConfigError
from vggish.output_files import check_output, output_file
from vggish.quiet_tensorflow import import_tensorflow_quietly

if TYPE_CHECKING:
    import numpy as np

    from vggish.embedding.embed_files import EmbedOutcome
    from vggish.weights.download import DownloadProgress
    from vggish.weights.installation_check import InstallationReport


def embed(  # noqa: PLR0913  Its arguments are the options of the command.
    audio: Annotated[list[str], typer.Argument(help="Sound files, folders and glob patterns.")],
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            help="Output file; it ends with .csv, .parquet, .npz or .tfrecord.",
            metavar="FILE",
        ),
    ],
    checkpoint: Annotated[str, CHECKPOINT] = "download",
    network: Annotated[str, NETWORK] = "vggish",
    features: Annotated[
        str,
        typer.Option(
            help="Features: embedding, fusion, log_mel or mfcc; fc1 and pool4 of VGGish; layer12, "
            "layer14 and scores of YAMNet."
        ),
    ] = "embedding",
    pool: Annotated[
        Literal["mean", "none"],
        typer.Option(help="Average over a clip's windows, or write every window."),
    ] = "mean",
    postprocess: Annotated[
        bool,
        typer.Option("--postprocess", help="Whiten and quantise, as AudioSet's embeddings are."),
    ] = False,
    pca: Annotated[str, PCA] = "download",
    hop_seconds: Annotated[
        float | None,
        typer.Option(
            help="Seconds from the start of one window to the start of the next; default: the "
            "network's own.",
            min=0.01,
        ),
    ] = None,
    compute: Annotated[
        Literal["float32", "bfloat16"],
        typer.Option(help="Precision; bfloat16 is less exact, and faster on hardware that has it."),
    ] = "float32",
    resampler: Annotated[
        Literal["resampy", "soxr"],
        typer.Option(help="Resampler; resampy is the reference's, soxr is many times faster."),
    ] = "resampy",
    label_from_folder: Annotated[
        bool, typer.Option("--label-from-folder", help="Add each file's folder as its label.")
    ] = False,
) -> None:
    """Write the embeddings of sound files to a table, to arrays, or in AudioSet's format.

    A .tfrecord file has AudioSet's released format: every window, post-processed.
    """
    check_output(output)
    import_tensorflow_quietly()
    from vggish.audio.sound_files import find_files
    from vggish.embedding.embed_files import embed_files
    from vggish.embedding.embedder import Embedder
    from vggish.embedding.embedding_files import EmbeddingLayout, open_embedding_file
    from vggish.networks.network_table import find_network
    from vggish.networks.pca_postprocessor import load_postprocessor
    from vggish.params import SAMPLE_RATE

    screen = Console(stderr=True, highlight=False)
    audio_set = output.endswith(".tfrecord")
    chosen = find_network(network)
    hop = round(hop_seconds * SAMPLE_RATE) if hop_seconds else chosen.front_end.hop_samples
    layout = EmbeddingLayout(
        feature=chosen.find_feature(features),
        hop_samples=hop,
        by_window=pool == "none" or audio_set,
        labels=label_from_folder,
        quantised=postprocess or audio_set,
    )
    files = sum(1 for _ in find_files(audio))
    if not files:
        raise ConfigError(f"There are no files in {', '.join(audio)}; name files or folders.")
    with open_embedding_file(output, layout) as write:
        postprocessor = load_postprocessor(pca) if layout.quantised else None
        weights = _weights(checkpoint, network, screen) if layout.feature.layers else None
        embedder = Embedder(
            features,
            weights,
            dtype=compute,
            hop_samples=layout.hop_samples,
            postprocessor=postprocessor,
            network=network,
        )
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with Progress(
            *columns,
            TimeRemainingColumn(),
            console=screen,
            transient=True,
            disable=not screen.is_terminal,
        ) as bar:
            task = bar.add_task("files", total=files)
            outcome = embed_files(
                find_files(audio),
                embedder,
                write,
                resampler=resampler,
                label_from_folder=label_from_folder,
                advance=lambda: bar.advance(task),
            )
    _tell(outcome, output, screen)
    if outcome.failures:
        raise typer.Exit(EXIT_FAILURE)


def distance(  # noqa: PLR0913  Its arguments are the options of the command.
    reference: Annotated[str, typer.Argument(help="The set to compare with.")],
    evaluated: Annotated[str, typer.Argument(help="The other set.")],
    checkpoint: Annotated[str, CHECKPOINT] = "download",
    network: Annotated[str, NETWORK] = "vggish",
    features: Annotated[str, typer.Option(help="Features, as of embed.")] = "embedding",
    per_file: Annotated[
        bool, typer.Option("--per-file", help="List the files, the least like the reference first.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Measure how far apart two sets of sounds are.

    A set is a folder of sounds, a table that embed wrote (.parquet), or a model: its training set.
    Folders are then embedded with the model's features; give the checkpoint that it was trained
    with.
    """
    import_tensorflow_quietly()
    from pipeline.distance.comparison import compare_sets
    from pipeline.distance.sound_sets import choose_features, read_sound_set

    if checkpoint == "random":
        _warn_of_random_weights(Console(stderr=True, highlight=False))
    chosen = choose_features((reference, evaluated), network, features, checkpoint)
    found = compare_sets(*(read_sound_set(path, chosen) for path in (reference, evaluated)))
    if as_json:
        print(json.dumps(asdict(found), indent=2))
        return
    print(f"{found.counts[0]:,} and {found.counts[1]:,} {found.unit}")
    for title, value in (
        ("Frechet audio distance", found.frechet),
        ("  of infinitely many sounds", found.frechet_extrapolated),
        ("kernel audio distance", found.kernel),
    ):
        if value is not None:
            print(f"{title}: {value:.4g}")
    for sentence in found.reasons:
        print(sentence)
    if per_file:
        for name, value in found.likeness.items():
            print(f"{value:.3f}  {name}")


def convert(
    checkpoint: Annotated[
        str, typer.Argument(help="Path of the network's weights, or `download`.", metavar="CKPT")
    ],
    output: Annotated[
        str, typer.Option("--output", "-o", help="The folder to write to.", metavar="DIR")
    ],
    network: Annotated[str, NETWORK] = "vggish",
) -> None:
    """Convert weights: NETWORK.npz for --checkpoint, NETWORK.keras for Keras.

    CKPT is any form of the weights: VGGish's checkpoint, YAMNet's yamnet.h5 or .tflite file, the
    folder of either from TensorFlow Hub, or a port's .pth or .h5 file.
    """
    arrays = posixpath.join(output, f"{network}.npz")
    keras_file = posixpath.join(output, f"{network}.keras")
    check_output(arrays)
    check_output(keras_file)
    import_tensorflow_quietly()
    from vggish.networks.layer_taps import build_network
    from vggish.networks.network_table import find_network
    from vggish.weights.weight_arrays import apply_weights, save_weights, weights_sha256

    weights = _weights(checkpoint, network, Console(stderr=True, highlight=False))
    save_weights(weights, arrays, network)
    model = build_network(network=network)
    apply_weights(model, weights, network)
    with output_file(keras_file) as file:
        model.save(file)
    print(f"Wrote {arrays} and {keras_file}.")
    print(f"SHA-256 of the weights: {weights_sha256(weights)}")
    chosen = find_network(network)
    if remark := chosen.remark(checkpoint):
        print(remark)
    wrong = [item for item in chosen.compare(weights) if not item.passed]
    for item in wrong:
        print(f"The {item.what} is {item.found:.3g}; the released network has {item.expected:.3g}.")
    print(
        "So these weights are not the released ones: they were trained further, or are damaged."
        if wrong
        else f"They give the published values of {chosen.title}."
    )


def check_network(
    checkpoint: Annotated[
        str | None,
        typer.Option(help="Path of the network's weights, or `download`.", metavar="PATH|download"),
    ] = None,
    network: Annotated[str, NETWORK] = "vggish",
    pca: Annotated[str | None, PCA] = None,
    as_json: JsonOption = False,
) -> None:
    """Compare this installation's results with the published values of a network."""
    import_tensorflow_quietly()
    from vggish.weights.installation_check import check_installation

    with _download_bar(Console(stderr=True)) as progress:
        report = check_installation(checkpoint, pca, progress, network)
    if as_json:
        rows = [{**asdict(item), "passed": item.passed} for item in report.comparisons]
        whole = {"passed": report.passed, "comparisons": rows, "unchecked": report.unchecked}
        print(json.dumps(whole, indent=2))
    else:
        _print_check(report)
    if not report.passed:
        raise typer.Exit(EXIT_FAILURE)


def _print_check(report: "InstallationReport") -> None:
    for item in report.comparisons:
        print(
            f"{'agrees ' if item.passed else 'DIFFERS'}  {item.what}: {item.found:.9g}, expected "
            f"{item.expected:.9g}, off by {item.difference:.2g} (at most {item.tolerance:.2g})"
        )
    for sentence in report.unchecked:
        print(sentence)
    if not report.passed:
        print("The results of this installation differ from the published values.")


def _weights(checkpoint: str, network: str, screen: Console) -> "dict[str, np.ndarray]":
    """Loads weights, and warns if they are random."""
    from vggish.weights.checkpoint import RANDOM, resolve

    with _download_bar(screen) as progress:
        weights, origin = resolve(checkpoint, progress=progress, network=network)
    if origin == RANDOM:
        _warn_of_random_weights(screen)
    return weights


def _warn_of_random_weights(screen: Console) -> None:
    screen.print("WARNING: the weights are RANDOM, not the released ones; so are these embeddings.")


@contextmanager
def _download_bar(screen: Console) -> "Iterator[DownloadProgress]":
    """Shows a progress bar once a download starts."""
    columns = (TextColumn("weights"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as bar:
        task = bar.add_task("download", total=None, visible=False)
        yield lambda done, total: bar.update(task, completed=done, total=total, visible=True)


def _tell(outcome: "EmbedOutcome", output: str, screen: Console) -> None:
    """Prints the counts, then every failure with its reason."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    screen.print(
        f"{outcome.clips + len(outcome.failures):,} files: {outcome.clips:,} embedded "
        f"({outcome.windows:,} windows) to {output}, {len(outcome.failures):,} failed. "
        f"Peak memory: {peak:,.0f} MiB.",
        soft_wrap=True,
    )
    if outcome.clipped_samples:
        count = f"{outcome.clipped_samples:,}"
        screen.print(f"{count} samples are outside of [-1, 1]; they are used as they are.")
    for failure in outcome.failures:
        screen.print(f"{failure.reason}: {failure.detail}", markup=False, soft_wrap=True)
