"""The `preprocessing_fn` that TFX's Transform calls by its import path."""

from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

from schema import clip_examples
from vggish.networks.log_mel import log_mel, windows_from_pcm16
from vggish.networks.network import FrontEnd


def preprocessing_fn(
    inputs: dict[str, tf.Tensor | tf.SparseTensor], custom_config: dict[str, Any]
) -> dict[str, tf.Tensor | tf.SparseTensor | tf.RaggedTensor]:
    """Turns clip examples into log-mel windows and label ids.

    Args:
        inputs: `clip_id` and `pcm`, bytes [batch]; `labels`, sparse bytes [batch, k].
            Clips without sound have `embedding`, sparse float32 [batch, n * D], instead of `pcm`.
        custom_config: Holds `front_end`, the fields of the network's front end, and
            `embedding_size`, D of clips without sound.

    Returns:
        `clip_id` bytes [batch]; `log_mel` ragged float32 [batch, n, 96, 64], or `embedding`
        ragged float32 [batch, n, D] of clips without sound; `label_ids` sparse int64 [batch, k],
        indices of the clip's classes in the vocabulary `labels` (most frequent first). Clips that
        are only predicted have no label ids.
    """
    if clip_examples.PCM in inputs:
        front_end = FrontEnd(**custom_config["front_end"])
        windows = windows_from_pcm16(inputs[clip_examples.PCM], front_end)
        features = {clip_examples.LOG_MEL: log_mel(windows, front_end)}
    else:
        size = custom_config["embedding_size"]
        flat = tf.RaggedTensor.from_sparse(inputs[clip_examples.EMBEDDING])
        rows = tf.reshape(flat.values, [-1, size])
        embedding = tf.RaggedTensor.from_row_splits(rows, flat.row_splits // size)
        features = {clip_examples.EMBEDDING: embedding}
    return {
        clip_examples.CLIP_ID: inputs[clip_examples.CLIP_ID],
        **features,
        clip_examples.LABEL_IDS: tft.compute_and_apply_vocabulary(
            inputs[clip_examples.LABELS], vocab_filename=clip_examples.LABEL_VOCABULARY
        ),
    }
