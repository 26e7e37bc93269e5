"""The served model: a network and a head in one SavedModel of core TensorFlow ops."""

from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from schema import clip_examples
from schema.config.ingest_settings import IngestSettings
from trainer.heads.pooling import pool_windows
from trainer.serving.item_faults import (
    first_faults,
    length_faults,
    non_finite_fault,
    refuse_without_good_item,
)
from trainer.serving.wav_decoding import WavHeaders, decode_wavs, read_wav_headers
from vggish.networks.log_mel import log_mel_from_windows, map_windows, num_windows
from vggish.networks.network import FrontEnd
from vggish.networks.pca_postprocessor import ReleasedEmbedding
from vggish.networks.window_batches import map_clips
from vggish.params import EMBEDDING_SIZE, NUM_BANDS, NUM_FRAMES, WINDOW_SAMPLES

_ReadClips = Callable[[tf.Tensor], tuple[tf.RaggedTensor, tf.Tensor]]
"""From the numbers of clips, int64 [clips], to their features, float32 [clips, n, D], ragged in n,
and a sentence for each clip that turns out to be faulty, string [clips]."""


class ServedClassifier(tf.Module):
    """Computes class scores from sound, with the same log-mel code as the pipeline's Transform.

    Args:
        features: Model from log-mel [w, 96, 64] to features [w, D].
        head: Function from features of clips, ragged [batch, n, D], to scores [batch, classes]; a
            `tf.Module`, so that TensorFlow finds its variables.
        classes: Class names, in the order of the scores.
        front_end: Front end of the network.
        max_samples: Maximum length of a clip, in samples at 16 kHz; `examples` has no limit.
        thresholds: Threshold of each class, for clips with any number of labels; None for clips
            with one label, whose highest score decides.
        embedded: Whether clip examples hold released embeddings instead of sound.
    """

    def __init__(  # noqa: PLR0913 Each is a fact of the model.
        self,
        features: keras.Model | ReleasedEmbedding,
        head: Callable[[tf.RaggedTensor], tf.Tensor],
        classes: list[str],
        front_end: FrontEnd,
        *,
        max_samples: int = IngestSettings().max_clip_samples,
        thresholds: Sequence[float] | None,
        embedded: bool = False,
    ):
        super().__init__(name="vggish_tfx")
        self._features = features
        self._head = head
        one_window = tf.zeros([1, NUM_FRAMES, NUM_BANDS])
        self._feature_size = features(one_window, training=False).shape[-1]
        self._front_end = front_end
        self._max_samples = max_samples
        self._thresholds = None if thresholds is None else tf.constant(thresholds, tf.float32)
        self._embedded = embedded
        self._decode_wavs = tf.function(
            decode_wavs, autograph=False
        )  # Two signatures share its graph.
        self._classes = tf.constant(classes)
        self._label_table = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(
                self._classes, tf.range(len(classes), dtype=tf.int64)
            ),
            default_value=-1,
        )

    def save(self, folder: str) -> None:
        """Writes the SavedModel with its signatures."""
        signatures = {
            "serving_default": self.classify_wav,
            "waveform": self.classify_waveform,
            "examples": self.classify_examples,
            "embed": self.embed_wav,
            "windows": self.embed_windows,
            "features": self.classify_features,
            "targets": self.read_targets,
        }
        # TensorFlow saves a copy of a Keras layer's variable, which the signatures do not read.
        # tf.saved_model.load repairs that; TensorFlow Serving would find no weights. Therefore only
        # the variables that the signatures read are saved, and no Keras object.
        exported = tf.Module(name="vggish_tfx")
        read = {
            id(variable): variable
            for function in signatures.values()
            for variable in function.get_concrete_function().variables
        }
        exported.weights = list(read.values())
        exported.label_table = self._label_table
        tf.saved_model.save(exported, folder, signatures=signatures)

    @tf.function(
        autograph=False, input_signature=[tf.TensorSpec([None], tf.string, name="audio_bytes")]
    )
    def classify_wav(self, audio_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        """Scores WAV files, bytes [batch]."""
        return self._classify(*self._open_wavs(audio_bytes))

    @tf.function(
        autograph=False, input_signature=[tf.TensorSpec([None, None], tf.float32, name="waveform")]
    )
    def classify_waveform(self, waveform: tf.Tensor) -> dict[str, tf.Tensor]:
        """Scores waveforms, float32 [batch, samples] at 16 kHz in [-1, 1]."""
        batch, samples = tf.unstack(tf.shape(waveform))
        lengths = tf.fill([batch], samples)
        finite = tf.reduce_all(tf.math.is_finite(waveform), axis=1)
        faults = [*length_faults(lengths, self._max_samples), non_finite_fault(finite)]

        def read(clips: tf.Tensor) -> tuple[tf.RaggedTensor, tf.Tensor]:
            sounds = tf.RaggedTensor.from_tensor(tf.gather(waveform, clips))
            return self._embed(sounds), _no_errors(clips)

        counts = num_windows(lengths, self._front_end)
        return self._classify(first_faults(faults), counts, read)

    @tf.function(
        autograph=False, input_signature=[tf.TensorSpec([None], tf.string, name="examples")]
    )
    def classify_examples(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """Scores serialized clip examples, bytes [batch]."""
        if self._embedded:
            spec = clip_examples.embedding_spec(EMBEDDING_SIZE)
            embedding = tf.io.parse_example(examples, spec)[clip_examples.EMBEDDING]
            counts = embedding.row_lengths()
        else:
            pcm = tf.io.parse_example(examples, clip_examples.pcm_spec())[clip_examples.PCM]
            counts = num_windows(tf.strings.length(pcm) // 2, self._front_end)

        def read(clips: tf.Tensor) -> tuple[tf.RaggedTensor, tf.Tensor]:
            if self._embedded:
                return tf.gather(embedding, clips), _no_errors(clips)
            return self._embed(_samples_from_pcm16(tf.gather(pcm, clips))), _no_errors(clips)

        return self._classify(_no_errors(examples), counts, read)

    @tf.function(
        autograph=False, input_signature=[tf.TensorSpec([None], tf.string, name="audio_bytes")]
    )
    def embed_wav(self, audio_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        """Embeds WAV files, bytes [batch]; the features are averaged over windows."""
        embedding, errors = _compute(
            *self._open_wavs(audio_bytes), pool_windows, self._feature_size
        )
        # NaN, since a vector of zeros would pass for the embedding of a sound.
        embedding = tf.where(errors[:, tf.newaxis] == "", embedding, float("nan"))
        return {clip_examples.EMBEDDING: embedding, "error": errors}

    @tf.function(
        autograph=False,
        input_signature=[tf.TensorSpec([None, WINDOW_SAMPLES], tf.float32, name="windows")],
    )
    def embed_windows(self, windows: tf.Tensor) -> dict[str, tf.Tensor]:
        """Embeds windows, float32 [w, 15600], of a clip that is too long to be sent as a whole."""
        return {"features": self._features_of(windows)}

    @tf.function(
        autograph=False,
        input_signature=[
            tf.TensorSpec([None, None], tf.float32, name="features"),
            tf.TensorSpec([None], tf.int64, name="counts"),
        ],
    )
    def classify_features(self, features: tf.Tensor, counts: tf.Tensor) -> dict[str, tf.Tensor]:
        """Scores clips, [batch], by the features of their windows, [w, size], and their counts."""
        features = tf.ensure_shape(features, [None, self._feature_size])
        ragged = tf.RaggedTensor.from_row_lengths(features, counts)

        def read(clips: tf.Tensor) -> tuple[tf.RaggedTensor, tf.Tensor]:
            return tf.gather(ragged, clips), _no_errors(clips)

        return self._classify(_no_errors(counts), counts, read)

    @tf.function(
        autograph=False, input_signature=[tf.TensorSpec([None], tf.string, name="examples")]
    )
    def read_targets(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """Reads the true labels of serialized clip examples, for the Evaluator.

        `targets` are class ids, int64 [batch], -1 for an unknown class; or, for clips with several
        labels, ones and zeros, float32 [batch, classes]. `duration` is the bucket of the clip's
        length, bytes [batch].
        """
        parsed = tf.io.parse_example(
            examples, clip_examples.labels_spec() | clip_examples.duration_spec()
        )
        labels = parsed[clip_examples.LABELS]
        if self._thresholds is not None:
            hits = labels.to_tensor("")[:, :, tf.newaxis] == self._classes
            targets = tf.cast(tf.reduce_any(hits, axis=1), tf.float32)
        else:
            targets = self._label_table.lookup(labels.to_tensor("", shape=[None, 1])[:, 0])
        buckets = clip_examples.duration_buckets(parsed[clip_examples.DURATION])
        return {clip_examples.TARGETS: targets, clip_examples.DURATION: buckets}

    def _open_wavs(self, files: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, _ReadClips]:
        headers, errors = read_wav_headers(files, self._max_samples)

        def read(clips: tf.Tensor) -> tuple[tf.RaggedTensor, tf.Tensor]:
            some = WavHeaders(*(tf.gather(field, clips) for field in headers))
            sounds, faults = self._decode_wavs(tf.gather(files, clips), some)
            return self._embed(sounds), faults

        return errors, num_windows(headers.lengths, self._front_end), read

    @tf.function(
        autograph=False,
        input_signature=[tf.RaggedTensorSpec([None, None], tf.float32, ragged_rank=1)],
    )
    def _embed(self, sounds: tf.RaggedTensor) -> tf.RaggedTensor:
        return map_windows(
            self._features_of,
            sounds,
            [self._feature_size],
            self._front_end,
        )

    # Five signatures share its graph: tracing the network is most of the time of an export.
    @tf.function(
        autograph=False, input_signature=[tf.TensorSpec([None, WINDOW_SAMPLES], tf.float32)]
    )
    def _features_of(self, windows: tf.Tensor) -> tf.Tensor:
        return self._features(log_mel_from_windows(windows, self._front_end), training=False)

    def _classify(
        self, errors: tf.Tensor, counts: tf.Tensor, read: _ReadClips
    ) -> dict[str, tf.Tensor]:
        scores, errors = _compute(errors, counts, read, self._head, self._classes.shape[0])
        is_good = errors == ""
        top = tf.argmax(scores, axis=1)
        if self._thresholds is None:
            decisions = tf.one_hot(top, tf.size(self._classes), True, False, dtype=tf.bool)
        else:
            decisions = scores >= self._thresholds
        # A client that does not read `error` gets no class for a faulty item.
        return {
            "scores": tf.where(is_good[:, tf.newaxis], scores, 0.0),
            "labels": tf.repeat(self._classes[tf.newaxis], tf.shape(scores)[0], axis=0),
            "label": tf.where(is_good, tf.gather(self._classes, top), ""),
            "decisions": decisions & is_good[:, tf.newaxis],
            "error": errors,
        }


def _compute(
    errors: tf.Tensor,
    counts: tf.Tensor,
    read: _ReadClips,
    finish: Callable[[tf.RaggedTensor], tf.Tensor],
    size: int,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Computes a vector of every clip without an error, with the memory of a few windows.

    Args:
        errors: A sentence for each faulty clip, string [batch]; empty for the others.
        counts: Windows of each clip, int [batch].
        read: Function that reads clips.
        finish: Function from features of clips, float32 [clips, n, D], ragged in n, to vectors,
            float32 [clips, size].
        size: Size of a vector.

    Returns:
        The vectors, float32 [batch, size], and the sentences, string [batch].
    """
    good = tf.where(errors == "")

    def of_group(start: tf.Tensor, end: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        features, faults = read(good[start:end, 0])
        return finish(features), faults

    signature = [tf.TensorSpec([None, size]), tf.TensorSpec([None], tf.string)]
    vectors, faults = map_clips(of_group, tf.gather_nd(counts, good), signature)
    errors = tf.tensor_scatter_nd_update(errors, good, faults)
    with tf.control_dependencies([refuse_without_good_item(errors)]):
        shape = [tf.size(errors, tf.int64), size]
        return tf.scatter_nd(good, vectors, shape), tf.identity(errors)


def _no_errors(clips: tf.Tensor) -> tf.Tensor:
    return tf.fill(tf.shape(clips), "")


def _samples_from_pcm16(pcm: tf.Tensor) -> tf.RaggedTensor:
    """Reads 16-bit clips, string [batch], as float32 [batch, n] in [-1, 1), ragged in n."""
    lengths = tf.strings.length(pcm) // 2
    whole = tf.strings.substr(pcm, tf.zeros_like(lengths), 2 * lengths)
    steps = tf.io.decode_raw(tf.strings.reduce_join(whole), tf.int16)
    samples = tf.cast(steps, tf.float32) / 32_768.0
    return tf.RaggedTensor.from_row_lengths(samples, tf.cast(lengths, tf.int64))
