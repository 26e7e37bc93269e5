"""Windows and the weights of VGGish (`features`)."""

from typing import Annotated, Literal

from pydantic import Field

from schema.config.settings import Settings
from vggish import params


class FeatureSettings(Settings):
    """Windows and the weights of VGGish (`features`)."""

    checkpoint: str | None = Field(
        default=None,
        description="Path of vggish_model.ckpt, `download` or `random`; see `--checkpoint`.",
    )
    seed: int = Field(default=0, ge=0, description="Seed of `random` weights.")
    pca_params: str | None = Field(
        default=None,
        description="Path of vggish_pca_params.npz, or `download`; for released embeddings.",
    )
    hop_seconds: Annotated[float, Field(ge=0.01, le=10)] = Field(
        default=params.WINDOW_HOP_SAMPLES / params.SAMPLE_RATE,
        description="Seconds between the starts of windows.",
    )
    compute: Literal["float32", "bfloat16"] = Field(
        default="float32", description="Precision of the frozen network."
    )

    @property
    def hop_samples(self) -> int:
        """The hop in samples at 16 kHz."""
        return round(self.hop_seconds * params.SAMPLE_RATE)
