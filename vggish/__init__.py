"""VGGish and YAMNet as a library: audio, log-mel, networks, weights, post-processing.

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
    "FrontEnd": "networks.network",
    "NETWORKS": "networks.network_table",
    "Postprocessor": "networks.pca_postprocessor",
    "SoundEmbedding": "embedding.sound_embedding",
    "VggishError": "errors",
    "apply_weights": "weights.weight_arrays",
    "build_features": "networks.layer_taps",
    "build_network": "networks.layer_taps",
    "decode": "audio.decoding",
    "embed": "embedding.sound_embedding",
    "embed_all": "embedding.sound_embedding",
    "feature_size": "networks.layer_taps",
    "find_network": "networks.network_table",
    "load_checkpoint": "weights.checkpoint",
    "load_postprocessor": "networks.pca_postprocessor",
    "load_weights": "weights.weight_arrays",
    "log_mel_from_windows": "networks.log_mel",
    "num_real_frames": "networks.log_mel",
    "num_windows": "networks.log_mel",
    "pcm16_from_samples": "audio.decoding",
    "random_weights": "weights.weight_arrays",
    "released_checkpoint": "weights.checkpoint",
    "resample": "audio.decoding",
    "resolve": "weights.checkpoint",
    "samples_from_pcm16": "audio.decoding",
    "save_weights": "weights.weight_arrays",
    "weights_sha256": "weights.weight_arrays",
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
