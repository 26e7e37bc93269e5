"""The base of the sections of a configuration."""

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """The base of every configuration section: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class KindSettings(Settings):
    """A section whose `kind` decides which of its keys have a meaning."""

    kind: str

    def _refuse_keys_outside(self, allowed: set[str]) -> None:
        """Refuses keys without a meaning, since ignoring them would hide mistakes."""
        for name, field in type(self).model_fields.items():
            if name not in allowed and getattr(self, name) != field.get_default():
                raise ValueError(f"{name!r} means nothing under kind {self.kind!r}")
