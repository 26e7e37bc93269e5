"""Where ML Metadata keeps what ran: a file of the run's folder, or a database server."""

import os
import time
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, field_validator, model_validator

from pipeline.run_folder import RunFolder
from vggish.errors import ConfigError
from vggish.settings import Settings

if TYPE_CHECKING:
    from ml_metadata.proto import metadata_store_pb2

_TRIES = 6
_WAIT_SECONDS = 2.0

_NOT_POSTGRESQL = (
    "PostgreSQL does not work: ML Metadata, seen with 1.16, quotes values that hold a backslash "
    "twice, and the Evaluator's do; choose mysql, or sqlite"
)


class MetadataSettings(Settings):
    """Which database ML Metadata uses (`metadata`)."""

    kind: Literal["sqlite", "mysql"] = Field(
        default="sqlite",
        description="A file, metadata.db, in the output folder; or a server, MySQL or MariaDB.",
    )
    history: str | None = Field(
        default=None,
        min_length=1,
        description="The name of the job, of a server alone: runs with the same name reuse each "
        "other's finished nodes.",
    )
    host: str = Field(default="127.0.0.1", description="The server.")
    port: int = Field(default=3306, ge=1, le=65535, description="The server's.")
    database: str = Field(default="vggish_tfx", description="It must be there.")
    user: str = Field(default="vggish_tfx", description="It may create tables.")
    password_variable: str = Field(
        default="VGGISH_TFX_METADATA_PASSWORD",
        description="The environment variable that holds the password, which is never in a file.",
    )

    @field_validator("kind", mode="before")
    @classmethod
    def _is_no_postgresql(cls, value: Any) -> Any:
        if str(value).lower().startswith("postgres"):
            raise ValueError(_NOT_POSTGRESQL)
        return value

    @model_validator(mode="after")
    def _names_what_a_server_needs(self) -> "MetadataSettings":
        if self.kind != "sqlite" and self.history is None:
            raise ValueError("a server keeps many jobs apart by name; give this one a `history`")
        if self.kind == "sqlite" and self.model_fields_set - {"kind"}:
            raise ValueError("only a server has such keys; set `kind` to mysql")
        return self


def connect(settings: MetadataSettings, folder: RunFolder) -> "metadata_store_pb2.ConnectionConfig":
    """Says how ML Metadata is reached, and tries it.

    Args:
        settings: The section `metadata`.
        folder: The run's, where a file is used.

    Returns:
        The connection; it holds the password.

    Raises:
        ConfigError: The password is not given, or the server does not answer or take it.
    """
    from tfx.orchestration.metadata import sqlite_metadata_connection_config

    if settings.kind == "sqlite":
        return sqlite_metadata_connection_config(str(folder.metadata))
    password = os.environ.get(settings.password_variable)
    if password is None:
        raise ConfigError(
            f"The metadata store's password is not given; set the environment variable "
            f"{settings.password_variable}."
        )
    import ml_metadata
    from ml_metadata.proto import metadata_store_pb2

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
    try:
        _open(connection)
    except (RuntimeError, ml_metadata.errors.StatusError) as error:
        reason = " ".join(str(error).split()).replace(password, "…")[:200]
        raise ConfigError(
            f"The metadata store (MySQL at {settings.host}:{settings.port}, database "
            f"{settings.database!r}, user {settings.user!r}) cannot be used ({reason}); check that "
            "it runs, has the database and takes the password, which of MySQL 8 must be one of "
            "mysql_native_password."
        ) from error
    return connection


def _open(connection: "metadata_store_pb2.ConnectionConfig") -> None:
    """Opens a store, which makes its tables where there are none.

    ML Metadata fails where another run is making them at the same moment, and says to try again.
    """
    import ml_metadata

    for _ in range(_TRIES - 1):
        try:
            ml_metadata.MetadataStore(connection)
        except (RuntimeError, ml_metadata.errors.StatusError) as error:
            if "mysql_real_connect" in str(error):
                raise
            time.sleep(_WAIT_SECONDS)
        else:
            return
    ml_metadata.MetadataStore(connection)
