"""The served model: VGGish and a head in one SavedModel of core TensorFlow ops."""

from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from schema import clip_examples
from trainer.heads.pooling import pool_windows
from trainer.serving.request_limits import length_faults, non_finite_fault, refuse_faulty
from trainer.serving.wav_decoding import windows_from_wav
from vggish.networks.log_mel import log_mel_from_windows, windows_from_pcm16, windows_from_waveform
from vggish.networks.pca_postprocessor import ReleasedEmbedding
from vggish.params import EMBEDDING_SIZE


class ServedClassifier(tf.Module):
    """Computes class scores from sound, with the same log-mel code as the pipeline's Transform.

    Args:
        features: Model from log-mel [w, 96, 64] to features [w, D].
        head: Function from features of clips, ragged [batch, n, D], to scores [batch, classes]; a
            `tf.Module`, so that TensorFlow finds its variables.
        classes: Class names, in the order of the scores.
        hop_samples: Samples from one window's start to the next.
        thresholds: Threshold of each class, for clips with any number of labels; None for clips
            with one label, whose highest score decides.
        embedded: Whether clip examples hold released embeddings instead of sound.
    """

    def __init__(
        self,
        features: keras.Model | ReleasedEmbedding,
        head: Callable[[tf.RaggedTensor], tf.Tensor],
        classes: list[str],
        hop_samples: int,
        *,
        thresholds: Sequence[float] | None,
        embedded: bool = False,
    ):
        super().__init__(name="vggish_tfx")
        self._features = features
        self._head = head
        self._hop_samples = hop_samples
        self._thresholds = None if thresholds is None else tf.constant(thresholds, tf.float32)
        self._embedded = embedded
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

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="audio_bytes")])
    def classify_wav(self, audio_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        """Scores WAV files, bytes [batch]."""
        return self._classify(windows_from_wav(audio_bytes, self._hop_samples))

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.float32, name="waveform")])
    def classify_waveform(self, waveform: tf.Tensor) -> dict[str, tf.Tensor]:
        """Scores waveforms, float32 [batch, samples] at 16 kHz in [-1, 1]."""
        batch, samples = tf.unstack(tf.shape(waveform))
        finite = tf.reduce_all(tf.math.is_finite(waveform), axis=1)
        faults = length_faults(tf.fill([batch], samples), self._hop_samples)
        with tf.control_dependencies([refuse_faulty([*faults, non_finite_fault(finite)])]):
            windows = windows_from_waveform(tf.identity(waveform), None, self._hop_samples)
        return self._classify(windows)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def classify_examples(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """Scores serialized clip examples, bytes [batch]."""
        if self._embedded:
            spec = clip_examples.embedding_spec(EMBEDDING_SIZE)
            embedding = tf.io.parse_example(examples, spec)[clip_examples.EMBEDDING]
            return self._score(embedding)
        pcm = tf.io.parse_example(examples, clip_examples.pcm_spec())[clip_examples.PCM]
        return self._classify(windows_from_pcm16(pcm, self._hop_samples))

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="audio_bytes")])
    def embed_wav(self, audio_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        """Embeds WAV files, bytes [batch]; the features are averaged over windows."""
        embedding = self._embed(windows_from_wav(audio_bytes, self._hop_samples))
        return {clip_examples.EMBEDDING: pool_windows(embedding)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
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

    def _embed(self, windows: tf.RaggedTensor) -> tf.RaggedTensor:
        embedding = self._features(log_mel_from_windows(windows.flat_values), training=False)
        return tf.RaggedTensor.from_row_splits(embedding, windows.row_splits)

    def _classify(self, windows: tf.RaggedTensor) -> dict[str, tf.Tensor]:
        return self._score(self._embed(windows))

    def _score(self, embedding: tf.RaggedTensor) -> dict[str, tf.Tensor]:
        scores = self._head(embedding)
        labels = tf.repeat(self._classes[tf.newaxis], tf.shape(scores)[0], axis=0)
        top = tf.argmax(scores, axis=1)
        if self._thresholds is None:
            decisions = tf.one_hot(top, tf.size(self._classes), True, False, dtype=tf.bool)
        else:
            decisions = scores >= self._thresholds
        return {
            "scores": scores,
            "labels": labels,
            "label": tf.gather(self._classes, top),
            "decisions": decisions,
        }
