"""ML Metadata in real database servers on this machine."""

import getpass
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import ml_metadata
import pytest
from ml_metadata.proto import metadata_store_pb2
from real_runs import end, start, write_job

from pipeline.runners.metadata_store import open_metadata_store
from pipeline.runners.past_runs import read_past_runs
from pipeline.runners.retries import is_transient
from pipeline.runners.run_folder import RunFolder
from schema.config.run_settings import MetadataSettings
from vggish.errors import ConfigError

pytestmark = pytest.mark.metadata_servers

PASSWORD = "not-to-be-found-anywhere"  # noqa: S105
POSTGRESQL = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port: int) -> None:
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    pytest.fail(f"no server came up on port {port}")


@pytest.fixture(scope="module")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a MariaDB with the database and the user of `MetadataSettings`."""
    server_program, install_program = map(shutil.which, ("mariadbd", "mariadb-install-db"))
    if server_program is None or install_program is None:
        pytest.skip("MariaDB is not installed; make test-metadata installs it")
    folder, port = tmp_path_factory.mktemp("mariadb"), free_port()
    user = f"--user={getpass.getuser()}"
    subprocess.run(
        [
            install_program,
            "--no-defaults",
            user,
            f"--datadir={folder}/data",
            "--auth-root-authentication-method=normal",
        ],
        check=True,
        capture_output=True,
    )
    setup = folder / "setup.sql"
    setup.write_text(
        "create database vggish_tfx;\ncreate database empty;"
        f"\ncreate user vggish_tfx@'127.0.0.1' identified by '{PASSWORD}';"
        "\ngrant all on *.* to vggish_tfx@'127.0.0.1';\n"
    )
    setup.chmod(0o600)
    server = subprocess.Popen(
        [
            server_program,
            "--no-defaults",
            user,
            f"--datadir={folder}/data",
            "--bind-address=127.0.0.1",
            f"--port={port}",
            f"--socket={folder}/socket",
            f"--init-file={setup}",
        ],
        stderr=(folder / "log").open("w"),
    )
    try:
        wait_for(port)
        yield port
    finally:
        server.terminate()
        server.wait()


@pytest.fixture
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VGGISH_TFX_METADATA_PASSWORD", PASSWORD)


def test_two_runs_at_once_share_a_server(mariadb: int, password: None, tmp_path: Path) -> None:
    job = write_job(tmp_path)
    server = f"metadata={{kind: mysql, history: sounds, port: {mariadb}}}"
    outputs = [tmp_path / "one", tmp_path / "two"]
    for code, screen in [end(run) for run in [start(job, out, server) for out in outputs]]:
        assert code == 0, screen
    for output in outputs:
        assert json.loads((output / "summary.json").read_text())["pushed_path"]
        assert not (output / "metadata.db").exists()
        assert len(read_past_runs(output)) == 1
        for file in output.rglob("*"):
            assert file.is_dir() or PASSWORD.encode() not in file.read_bytes(), file
    again, screen = end(start(job, tmp_path / "three", server))
    assert again == 0, screen
    assert "AudioExampleGen" in json.loads((tmp_path / "three/summary.json").read_text())["cached"]


OPEN = """
import sys
from pathlib import Path
from schema.config.run_settings import MetadataSettings
from pipeline.runners.metadata_store import open_metadata_store
from pipeline.runners.run_folder import RunFolder
settings = MetadataSettings(kind="mysql", history="x", port=int(sys.argv[1]), database="empty")
open_metadata_store(settings, RunFolder(Path(".")))
"""


def test_many_at_once_find_an_empty_database(mariadb: int, password: None) -> None:
    opened = [subprocess.Popen([sys.executable, "-c", OPEN, str(mariadb)]) for _ in range(3)]
    assert [process.wait() for process in opened] == [0] * 3


def test_row_that_another_run_has_changed_is_worth_another_attempt(
    mariadb: int, password: None, tmp_path: Path
) -> None:
    settings = MetadataSettings(kind="mysql", history="x", port=mariadb)
    store = ml_metadata.MetadataStore(open_metadata_store(settings, RunFolder(tmp_path)))
    kind = metadata_store_pb2.ExecutionType(name="Contended")
    key = store.put_execution_type(kind)
    change = f"insert into TypeProperty (type_id, name, data_type) values ({key}, 'seed', 1)"  # noqa: S608
    other = subprocess.Popen(
        [
            shutil.which("mariadb") or "mariadb",
            "--no-defaults",
            "--unbuffered",
            "--host=127.0.0.1",
            f"--port={mariadb}",
            "--user=vggish_tfx",
            f"--execute=begin; {change}; select 'changed'; do sleep(5); commit",
            "vggish_tfx",
        ],
        env={**os.environ, "MYSQL_PWD": PASSWORD},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert other.stdout is not None and other.stdout.readline() == "changed\n"
    kind.properties["seed"] = metadata_store_pb2.INT
    with pytest.raises(ml_metadata.errors.InternalError, match="changed since") as refused:
        # Waits for the other, and then has read too early.
        store.put_execution_type(kind, can_add_fields=True)
    assert other.wait() == 0
    assert is_transient(refused.value)


def test_wrong_password_is_one_sentence_without_it(
    mariadb: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("VGGISH_TFX_METADATA_PASSWORD", "wrong-one")
    settings = MetadataSettings(kind="mysql", history="sounds", port=mariadb)
    with pytest.raises(ConfigError, match="cannot be used") as refused:
        open_metadata_store(settings, RunFolder(tmp_path))
    assert "wrong-one" not in str(refused.value)


@pytest.mark.skipif(not POSTGRESQL, reason="PostgreSQL is not installed; apt install postgresql")
def test_postgresql_cannot_hold_what_the_evaluator_needs(tmp_path: Path) -> None:
    """Why the configuration refuses it; where this fails, it may be taken in."""
    (folder := tmp_path / "postgresql").mkdir()
    for parent in (tmp_path, *list(tmp_path.parents)[:2]):
        parent.chmod(0o755)
    (secret := folder / "password").write_text(PASSWORD)
    shutil.chown(folder, "postgres")
    shutil.chown(secret, "postgres")
    port, data = free_port(), folder / "data"
    as_postgres = ["runuser", "-u", "postgres", "--"]

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            [*as_postgres, str(POSTGRESQL[-1] / program), f"--pgdata={data}", *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=folder,
        )

    run("initdb", "--auth=scram-sha-256", "--username=mlmd", f"--pwfile={secret}")
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1"
    run("pg_ctl", "start", "--wait", f"--options={options}", f"--log={folder}/log")
    try:
        connection = metadata_store_pb2.ConnectionConfig()
        server = connection.postgresql
        server.host, server.port, server.dbname = "127.0.0.1", str(port), "postgres"
        server.user, server.password = "mlmd", PASSWORD
        store = ml_metadata.MetadataStore(connection)
        kind = metadata_store_pb2.ExecutionType(name="Evaluator")
        kind.properties["eval_config"] = metadata_store_pb2.STRING
        execution = metadata_store_pb2.Execution(type_id=store.put_execution_type(kind))
        execution.properties["eval_config"].string_value = "{}"
        store.put_executions([execution])
        execution.properties["eval_config"].string_value = '{"config": "{\\"k\\": 5}"}'
        with pytest.raises(ml_metadata.errors.InternalError, match="syntax error"):
            store.put_executions([execution])
    finally:
        run("pg_ctl", "stop", "--mode=fast")
