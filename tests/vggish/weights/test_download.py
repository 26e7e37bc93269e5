import fcntl
import http.server
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from vggish.errors import CheckpointError
from vggish.weights import checkpoint, download
from vggish.weights.published_values import EmbeddingStatistics, tone_embedding

CONTENT = np.random.default_rng(0).bytes(3_000_000)


class Server(http.server.ThreadingHTTPServer):
    """Serves one file on loopback, as badly as a test asks for."""

    def __init__(self, content: bytes):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = content
        self.cuts: list[int] = []
        """After how many bytes each of the next connections breaks."""
        self.ranges = True
        self.status = 0
        """A refusal to answer with instead."""
        self.gate = threading.Event()
        """Opened when the first half is sent."""
        self.go_on = threading.Event()
        """Sending waits for it after the first half."""
        self.go_on.set()
        self.asked: list[str | None] = []
        """The Range header of every request so far."""

    def url(self, name="vggish_model.ckpt"):
        return f"http://127.0.0.1:{self.server_port}/audioset/{name}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self):
        server, asked = self.server, self.headers.get("Range")
        server.asked.append(asked)
        size = len(server.content)
        start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked and server.ranges else 0
        if server.status:
            self.send_error(server.status)
            return
        if start >= size:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{size}")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        self.send_header("Content-Length", str(size - start))
        self.end_headers()
        content = server.content[start:][: server.cuts.pop(0) if server.cuts else None]
        half = len(content) // 2
        self.wfile.write(content[:half])
        server.gate.set()
        server.go_on.wait()
        self.wfile.write(content[half:])

    def log_message(self, *args):
        pass


@pytest.fixture
def serve():
    servers = []

    def start(content=CONTENT):
        servers.append(Server(content))
        threading.Thread(target=servers[-1].serve_forever, args=(0.01,), daemon=True).start()
        return servers[-1]

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def accept(path: Path) -> None:
    pass


def test_a_file_is_fetched_once(serve, tmp_path):
    server, seen = serve(), []
    folder = tmp_path / "new" / "cache"
    for _ in range(2):
        path = download.download(
            server.url(), folder, accept, lambda done, total: seen.append((done, total))
        )
        assert path.read_bytes() == CONTENT
    assert path == folder / "vggish_model.ckpt"
    assert list(folder.glob("[!.]*")) == [path]
    assert server.asked == [None]
    assert seen == sorted(seen)
    assert seen[-1] == (len(CONTENT), len(CONTENT))


def test_a_cut_connection_is_resumed_where_it_broke(serve, tmp_path):
    server = serve()
    server.cuts = [1_000_000, 500_001, 0]
    assert download.download(server.url(), tmp_path, accept).read_bytes() == CONTENT
    assert server.asked == [None, "bytes=1000000-", "bytes=1500001-", "bytes=1500001-"]


def test_what_is_there_is_kept_for_the_next_run(serve, tmp_path):
    server = serve()
    server.cuts = [10] * 5
    with pytest.raises(CheckpointError, match=r"50 bytes are there: .* run again to continue"):
        download.download(server.url(), tmp_path, accept)
    assert [file.name for file in tmp_path.glob("[!.]*")] == ["vggish_model.ckpt.partial"]
    assert download.download(server.url(), tmp_path, accept).read_bytes() == CONTENT
    assert server.asked[-1] == "bytes=50-"


def test_two_first_runs_share_one_download(serve, tmp_path, monkeypatch):
    server, waiting = serve(), threading.Event()
    server.go_on.clear()
    lock = fcntl.flock

    def tell_and_lock(file, operation):
        if server.gate.is_set():
            waiting.set()
        lock(file, operation)

    monkeypatch.setattr(fcntl, "flock", tell_and_lock)
    with ThreadPoolExecutor() as threads:
        first = threads.submit(download.download, server.url(), tmp_path, accept)
        assert server.gate.wait(60)  # Half of the file is there.
        second = threads.submit(download.download, server.url(), tmp_path, accept)
        try:
            assert waiting.wait(60)
        finally:
            server.go_on.set()
        assert first.result(60).read_bytes() == second.result(60).read_bytes() == CONTENT
    assert server.asked == [None]


def test_a_server_that_knows_no_ranges_starts_anew(serve, tmp_path):
    server = serve()
    server.cuts, server.ranges = [100], False
    assert download.download(server.url(), tmp_path, accept).read_bytes() == CONTENT


@pytest.mark.parametrize(("there", "asked"), [(CONTENT, 1), (CONTENT + b"more", 2)])
def test_a_partial_file_that_is_complete_or_too_long(serve, tmp_path, there, asked):
    server = serve()
    (tmp_path / "vggish_model.ckpt.partial").write_bytes(there)
    assert download.download(server.url(), tmp_path, accept).read_bytes() == CONTENT
    assert len(server.asked) == asked


def test_refusals_are_one_sentence(serve, tmp_path):
    server = serve()
    server.status = 404
    with pytest.raises(CheckpointError, match=r"0 bytes are there: the server answered 404"):
        download.download(server.url(), tmp_path, accept)
    assert len(server.asked) == 1
    closed = "http://127.0.0.1:9/vggish_model.ckpt"
    with pytest.raises(CheckpointError, match="the server was not reached"):
        download.download(closed, tmp_path, accept)


def test_wrong_content_is_deleted(serve, tmp_path):
    prove = download.prove_sha256("0" * 64)
    with pytest.raises(CheckpointError, match=r"deleted again: its SHA-256 is [0-9a-f]{64}"):
        download.download(serve().url("vggish_pca_params.npz"), tmp_path, prove)
    assert not list(tmp_path.glob("[!.]*"))


def test_the_cache_folder_can_be_chosen(monkeypatch, tmp_path):
    monkeypatch.setenv("VGGISH_TFX_CACHE", str(tmp_path))
    assert download.cache_folder() == tmp_path
    monkeypatch.delenv("VGGISH_TFX_CACHE")
    assert download.cache_folder() == Path.home() / ".cache" / "vggish-tfx"


def test_a_checkpoint_is_proven_by_what_its_network_gives(serve, slim, tmp_path):
    """The server's checkpoint has seeded values, of which slim's own embedding is the proof."""
    server = serve((slim / "vggish_model.ckpt").read_bytes())
    server.cuts = [123_456_789]
    expected = EmbeddingStatistics.of(
        tone_embedding(checkpoint.load_checkpoint(str(slim / "vggish_model.ckpt")))
    )
    path = checkpoint.released_checkpoint(server.url(), tmp_path, expected)
    assert server.asked == [None, "bytes=123456789-"]
    converted = checkpoint.load_checkpoint(str(path))
    with np.load(slim / "variables.npz") as values:
        assert all(np.array_equal(converted[name], values[name]) for name in values.files)


def test_another_network_than_the_released_one_is_refused(serve, slim, tmp_path):
    server = serve((slim / "vggish_model.ckpt").read_bytes())
    with pytest.raises(CheckpointError, match="not the released network: mean of"):
        checkpoint.released_checkpoint(server.url(), tmp_path)
    assert not list(tmp_path.glob("[!.]*"))


def test_what_is_no_checkpoint_is_refused(serve, tmp_path):
    with pytest.raises(CheckpointError, match=r"deleted again: There is no TensorFlow checkpoint"):
        checkpoint.released_checkpoint(serve(b"<html>sign in</html>").url(), tmp_path)
    assert not list(tmp_path.glob("[!.]*"))
