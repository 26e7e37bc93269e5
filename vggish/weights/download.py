"""Downloading the released files over HTTPS, once."""

import contextlib
import fcntl
import hashlib
import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

from tenacity import Retrying, retry_if_exception, stop_after_attempt

from vggish.errors import CheckpointError

DOWNLOAD = "download"
"""Keyword for the released file instead of a path."""

CHECKPOINT_URL = "https://storage.googleapis.com/audioset/vggish_model.ckpt"
PCA_URL = "https://storage.googleapis.com/audioset/vggish_pca_params.npz"
PCA_SHA256 = "4d878af3e306defbfb37095365aa7e5a6cecb86bad13e859e626151c4e6a8b9d"

DownloadProgress = Callable[[int, int | None], None]
"""Function that gets the number of bytes so far, and of all bytes if known."""

_ATTEMPTS = 5
_TIMEOUT_SECONDS = 30.0
_BLOCK_BYTES = 1 << 20


def cache_folder() -> Path:
    """Returns the folder of downloads: $VGGISH_TFX_CACHE, or ~/.cache/vggish-tfx."""
    return Path(os.environ.get("VGGISH_TFX_CACHE") or Path.home() / ".cache" / "vggish-tfx")


def download(
    url: str,
    folder: Path,
    prove: Callable[[Path], None],
    progress: DownloadProgress | None = None,
) -> Path:
    """Downloads a file, or continues an earlier download.

    The file gets its name by an atomic rename after it is verified, so a file of this name is right
    and is not downloaded again. Of several processes, one downloads and the others wait for it.

    Args:
        url: Address of the file; its last part names the file.
        folder: Folder of the file, made if necessary.
        prove: Function that raises `CheckpointError` if the complete file is wrong. The file is
            then deleted, so that the next attempt starts again.
        progress: Function that is called after every block.

    Returns:
        The path of the file.

    Raises:
        CheckpointError: The download fails, or the file is wrong.
    """
    path = folder / url.rpartition("/")[2]
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    with _alone(path.with_name(f".{path.name}.lock")):
        if path.exists():
            return path
        _fetch(url, partial, progress or (lambda _done, _total: None))
        try:
            prove(partial)
        except CheckpointError as error:
            partial.unlink()
            raise CheckpointError(f"What {url} gave was deleted again: {error}") from error
        partial.replace(path)
    return path


@contextlib.contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Holds a lock, which the operating system releases when the process ends."""
    with lock.open("a") as file:
        # A file system without locks is no reason to stop: a mixed-up file would not be verified.
        with contextlib.suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def prove_sha256(sha256: str) -> Callable[[Path], None]:
    """Returns a check for `download` that a file has this SHA-256."""

    def prove(path: Path) -> None:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if found != sha256:
            raise CheckpointError(f"its SHA-256 is {found} instead of {sha256}.")

    return prove


def _fetch(url: str, partial: Path, progress: DownloadProgress) -> None:
    """Continues a partial file until it is complete, over as many connections as it takes."""
    retrying = Retrying(
        stop=stop_after_attempt(_ATTEMPTS), retry=retry_if_exception(_may_pass), reraise=True
    )
    try:
        retrying(_continue, url, partial, progress)
    except urllib.error.HTTPError as error:
        cause = f"the server answered {error.code} {error.reason}"
    except urllib.error.URLError as error:
        cause = f"the server was not reached ({error.reason})"
    except (OSError, http.client.HTTPException) as error:
        cause = f"the connection broke ({error})"
    else:
        return
    have = partial.stat().st_size if partial.exists() else 0
    raise CheckpointError(
        f"{url} was not fetched, {have:,} bytes are there: {cause}; "
        "run again to continue, or give the path of a file that you have."
    )


def _may_pass(error: BaseException) -> bool:
    """Returns whether another connection may get further; after a refusal, it would not."""
    if isinstance(error, urllib.error.HTTPError):
        return error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE
    broken = isinstance(error, OSError | http.client.HTTPException)
    return broken and not isinstance(error, urllib.error.URLError)


def _continue(url: str, partial: Path, progress: DownloadProgress) -> None:
    """Appends what one connection gives; raises an error if that is not all of the rest."""
    done = partial.stat().st_size if partial.exists() else 0
    # The address is one of the constants above, or the caller's.
    request = urllib.request.Request(url, headers={"Range": f"bytes={done}-"} if done else {})  # noqa: S310
    try:
        response = urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS)  # noqa: S310
    except urllib.error.HTTPError as error:
        if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            if error.headers.get("Content-Range") == f"bytes */{done}":
                return  # The file was complete already.
            partial.unlink(missing_ok=True)  # It belongs to another version of the file.
        raise
    with response:
        resumed = response.status == http.client.PARTIAL_CONTENT
        done = done if resumed else 0
        total = None if response.length is None else done + response.length
        with partial.open("ab" if resumed else "wb") as file:
            while block := response.read(_BLOCK_BYTES):
                file.write(block)
                done += len(block)
                progress(done, total)
    if total is not None and done < total:  # urllib reports no error.
        raise http.client.IncompleteRead(b"", total - done)
