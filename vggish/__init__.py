"""VGGish as a library: audio, log-mel, network, checkpoint, post-processing.

Names are loaded when they are first used (PEP 562), so that `import vggish` costs nothing and
TensorFlow is only imported by what needs it.
"""

import importlib

# No name of a folder is among them: which of the two `vggish.NAME` is would depend on imports.
_MODULE_OF = {
    "AudioError": "errors",
    "CheckpointError": "errors",
    "Clip": "audio.decoding",
    "Embedder": "embedding.embedder",
    "FEATURES": "networks.layer_taps",
    "Postprocessor": "networks.pca_postprocessor",
    "VggishError": "errors",
    "apply_weights": "weights.slim_weights",
    "build_features": "networks.layer_taps",
    "build_network": "networks.vggish_network",
    "decode": "audio.decoding",
    "feature_size": "networks.layer_taps",
    "load_checkpoint": "weights.checkpoint",
    "load_postprocessor": "networks.pca_postprocessor",
    "load_weights": "weights.slim_weights",
    "log_mel_from_windows": "networks.log_mel",
    "num_real_frames": "networks.log_mel",
    "num_windows": "networks.log_mel",
    "pcm16_from_samples": "audio.decoding",
    "random_weights": "weights.slim_weights",
    "released_checkpoint": "weights.checkpoint",
    "resample": "audio.decoding",
    "resolve": "weights.checkpoint",
    "samples_from_pcm16": "audio.decoding",
    "save_weights": "weights.slim_weights",
    "weights_sha256": "weights.slim_weights",
    "windows_from_pcm16": "networks.log_mel",
    "windows_from_waveform": "networks.log_mel",
}

__all__ = sorted(_MODULE_OF)  # noqa: PLE0605  A list of names, each served by __getattr__.


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'vggish' has no attribute {name!r}")
    return getattr(importlib.import_module(f"vggish.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULE_OF})
