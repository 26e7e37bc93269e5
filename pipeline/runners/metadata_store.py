"""The store of ML Metadata: a SQLite file in the run's folder, or a database server."""

import os
from typing import TYPE_CHECKING

from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_fixed

from pipeline.runners.run_folder import RunFolder
from schema.config.run_settings import MetadataSettings
from vggish.errors import ConfigError

if TYPE_CHECKING:
    from ml_metadata.proto import metadata_store_pb2

_ATTEMPTS = 6
_WAIT_SECONDS = 2.0


def open_metadata_store(
    settings: MetadataSettings, folder: RunFolder
) -> "metadata_store_pb2.ConnectionConfig":
    """Opens the metadata store once, and returns its connection.

    Args:
        settings: The section `metadata`.
        folder: The run's output folder, for a SQLite file.

    Returns:
        The connection; it holds the password.

    Raises:
        ConfigError: The password is missing, or the server does not answer or refuses it.
    """
    from tfx.orchestration.metadata import sqlite_metadata_connection_config

    if settings.kind == "sqlite":
        return sqlite_metadata_connection_config(str(folder.metadata))
    password = os.environ.get(settings.password_variable)
    if not password:
        raise ConfigError(
            f"The metadata store's password is missing or empty; set the environment "
            f"variable {settings.password_variable}."
        )
    import ml_metadata
    from ml_metadata.proto import metadata_store_pb2

    faults = (RuntimeError, ml_metadata.errors.StatusError)

    connection = metadata_store_pb2.ConnectionConfig(
        mysql=metadata_store_pb2.MySQLDatabaseConfig(
            host=settings.host,
            port=settings.port,
            database=settings.database,
            user=settings.user,
            password=password,
            skip_db_creation=True,
        )
    )

    def may_pass(error: BaseException) -> bool:
        # Opening creates missing tables, which fails while another run creates them.
        return isinstance(error, faults) and "mysql_real_connect" not in str(error)

    retrying = Retrying(
        retry=retry_if_exception(may_pass),
        stop=stop_after_attempt(_ATTEMPTS),
        wait=wait_fixed(_WAIT_SECONDS),
        reraise=True,
    )
    try:
        retrying(ml_metadata.MetadataStore, connection)
    except faults as error:
        reason = " ".join(str(error).split()).replace(password, "…")[:200]
        raise ConfigError(
            f"The metadata store (MySQL at {settings.host}:{settings.port}, database "
            f"{settings.database!r}, user {settings.user!r}) cannot be used ({reason}); check that "
            "it runs, has the database and accepts the password; MySQL 8 must use "
            "mysql_native_password for the user."
        ) from error
    return connection
