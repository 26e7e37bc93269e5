"""How nodes run: retries and time limits (`run`), and the database of ML Metadata (`metadata`)."""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from schema.config.settings import Settings

_NOT_POSTGRESQL = (
    "PostgreSQL does not work: ML Metadata, seen with 1.16, quotes values that hold a backslash "
    "twice, and the Evaluator's do; choose mysql, or sqlite"
)


class RunSettings(Settings):
    """Retries and time limits of nodes (`run`)."""

    retries: int = Field(
        default=2,
        ge=0,
        le=10,
        description="Number of retries of a node after a fault of storage, network or the metadata "
        "store.",
    )
    retry_wait_seconds: float = Field(
        default=10.0,
        gt=0,
        le=3600,
        description="Seconds before the first retry; doubled for each further one.",
    )
    time_limits: dict[str, Annotated[float, Field(gt=0)]] = Field(
        default={},
        description="Seconds by node for all its attempts together, such as {Trainer: 3600}; "
        "Trainer includes Trainer_dense.",
    )

    def time_limit(self, node: str) -> float | None:
        """Returns how many seconds a node may take: its own limit, or that of its kind."""
        return self.time_limits.get(node, self.time_limits.get(node_kind(node)))


def node_kind(node: str) -> str:
    """Returns the kind of a node: Trainer of Trainer_dense."""
    return node.partition("_")[0]


class MetadataSettings(Settings):
    """The database of ML Metadata (`metadata`)."""

    kind: Literal["sqlite", "mysql"] = Field(
        default="sqlite",
        description="The file metadata.db in the output folder, or a MySQL or MariaDB server.",
    )
    history: str | None = Field(
        default=None,
        min_length=1,
        description="Name of the job, only for a server: runs with the same name reuse each "
        "other's finished nodes.",
    )
    host: str = Field(default="127.0.0.1", description="Host of the server.")
    port: int = Field(default=3306, ge=1, le=65535, description="Port of the server.")
    database: str = Field(
        default="vggish_tfx", description="Name of the database, which must exist."
    )
    user: str = Field(default="vggish_tfx", description="User, who may create tables.")
    password_variable: str = Field(
        default="VGGISH_TFX_METADATA_PASSWORD",
        description="Environment variable with the password, which no file holds.",
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
