"""The served model: a network and a head in one SavedModel of core TensorFlow ops."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import keras
import tensorflow as tf

from schema import clip_examples
from schema.config.ingest_settings import IngestSettings
from trainer.heads.pooling import pool_windows
from trainer.serving.good_clips import ReadClips, compute_clips, compute_windows
from trainer.serving.item_faults import (
    embedding_faults,
    first_faults,
    length_faults,
    non_finite_fault,
)
from trainer.serving.wav_decoding import WavHeaders, decode_wavs, read_wav_headers
from vggish.networks.log_mel import log_mel_from_windows, map_windows, num_windows
from vggish.networks.network import FrontEnd
from vggish.networks.pca_postprocessor import ReleasedEmbedding
from vggish.params import NUM_BANDS, NUM_FRAMES, SAMPLE_RATE, WINDOW_SAMPLES

TIMELINE_HOP_SAMPLES = 7_680
"""Samples between the windows of the signature `windows`: half a window, as `detect` has it."""


class ServedClassifier(tf.Module):
    """Computes class scores from sound, with the same log-mel code as the pipeline's Transform.

    A model that learned from embeddings also takes embeddings and, if the network that made them
    is unknown, no sound.

    Args:
        features: Model from log-mel [w, 96, 64] to features [w, D]; None if it is unknown.
        head: Function from features of clips, ragged [batch, n, D], to scores [batch, classes]; a
            `tf.Module`, so that TensorFlow finds its variables.
        classes: Class names, in the order of the scores.
        front_end: Front end of the network.
        max_samples: Maximum length of a clip, in samples at 16 kHz; `examples` has no limit.
        thresholds: Threshold of each class, for clips with several labels, or none; None for clips
            with one label, whose highest score decides.
        at_most_one: Whether a clip gets no label but that of its highest score.
        unfamiliarity: Function from features of clips, as the head takes them, to how unfamiliar
            they are, float32 [batch, 1], above 1 for clips that get no label; None if the model
            does not tell.
        embedding_size: D, if clip examples hold embeddings instead of sound; otherwise None.
    """

    def __init__(  # noqa: PLR0913 Each is a fact of the model.
        self,
        features: keras.Model | ReleasedEmbedding | None,
        head: Callable[[tf.RaggedTensor], tf.Tensor],
        classes: list[str],
        front_end: FrontEnd,
        *,
        max_samples: int = IngestSettings().max_clip_samples,
        thresholds: Sequence[float] | None,
        at_most_one: bool = False,
        unfamiliarity: Callable[[tf.RaggedTensor], tf.Tensor] | None = None,
        embedding_size: int | None = None,
    ):
        super().__init__(name="vggish_tfx")
        self._features: Any = features
        self._head = head
        self._embedding_size = embedding_size
        self._feature_size = embedding_size or 0
        if features is not None:
            one_window = tf.zeros([1, NUM_FRAMES, NUM_BANDS])
            self._feature_size = features(one_window, training=False).shape[-1]
        self._front_end = front_end
        self._timeline = replace(front_end, hop_samples=TIMELINE_HOP_SAMPLES, pads_the_end=True)
        self._max_samples = max_samples
        self._at_most_one = at_most_one
        self._unfamiliarity = unfamiliarity
        self._thresholds = None if thresholds is None else tf.constant(thresholds, tf.float32)
        # Several signatures share the graphs of these.
        self._read_wav_headers = tf.function(
            lambda files: read_wav_headers(files, max_samples), autograph=False
        )
        self._decode_wavs = tf.function(decode_wavs, autograph=False)
        self._measure = tf.function(self._measured, autograph=False)
        self._classes = tf.constant(classes)
        self._label_table = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(
                self._classes, tf.range(len(classes), dtype=tf.int64)
            ),
            default_value=-1,
        )

    def save(self, folder: str) -> None:
        """Writes the SavedModel with its signatures."""
        functions = {"examples": self.classify_examples, "targets": self.read_targets}
        if self._features is not None:
            functions |= {
                "serving_default": self.classify_wav,
                "waveform": self.classify_waveform,
                "embed": self.embed_wav,
                "embed_windows": self.embed_windows,
                "windows": self.score_windows,
            }
        # Given functions, not their graphs, TensorFlow would trace each once more.
        signatures = {name: one.get_concrete_function() for name, one in functions.items()}
        spec = tf.TensorSpec([None, None, self._feature_size], tf.float32, name="embeddings")
        signatures["embeddings"] = self.classify_embeddings.get_concrete_function(spec)
        # TensorFlow saves a copy of a Keras layer's variable, which the signatures do not read.
        # tf.saved_model.load repairs that; TensorFlow Serving would find no weights. Therefore only
        # the variables that the signatures read are saved, and no Keras object.
        exported = tf.Module(name="vggish_tfx")
        read = {
            id(variable): variable for graph in signatures.values() for variable in graph.variables
        }
        exported.weights = list(read.values())
        exported.label_table = self._label_table
        tf.saved_model.save(exported, folder, signatures=signatures)

    @tf.function(
        autograph=False, input_signature=[tf.TensorSpec([None], tf.string, name="audio_bytes")]
    )
    def classify_wav(self, audio_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        """Scores WAV files, bytes [batch]."""
        return self._classify(*self._open_wavs(audio_bytes, self._embed, self._front_end))

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
        if self._embedding_size is not None:
            spec = clip_examples.embedding_spec(self._embedding_size)
            embedding = tf.io.parse_example(examples, spec)[clip_examples.EMBEDDING]
            counts = embedding.row_lengths()
        else:
            pcm = tf.io.parse_example(examples, clip_examples.pcm_spec())[clip_examples.PCM]
            counts = num_windows(tf.strings.length(pcm) // 2, self._front_end)

        def read(clips: tf.Tensor) -> tuple[tf.RaggedTensor, tf.Tensor]:
            if self._embedding_size is not None:
                return tf.gather(embedding, clips), _no_errors(clips)
            return self._embed(_samples_from_pcm16(tf.gather(pcm, clips))), _no_errors(clips)

        return self._classify(_no_errors(examples), counts, read)

    @tf.function(autograph=False)
    def classify_embeddings(self, embeddings: tf.Tensor) -> dict[str, tf.Tensor]:
        """Scores embeddings, float32 [batch, n, D]; windows of NaN fill up clips at their end."""
        is_filler = tf.reduce_all(tf.math.is_nan(embeddings), axis=2)
        # A filler between windows is none, but a fault.
        positions = tf.range(1, tf.shape(embeddings)[1] + 1)
        lengths = tf.reduce_max(tf.where(is_filler, 0, positions), axis=1)
        lengths = tf.maximum(lengths, 0)  # Of no positions, the maximum is the least integer.
        windows = tf.RaggedTensor.from_tensor(embeddings, lengths)
        finite = tf.reduce_all(tf.math.is_finite(windows), axis=[1, 2])

        def read(clips: tf.Tensor) -> tuple[tf.RaggedTensor, tf.Tensor]:
            return tf.gather(windows, clips), _no_errors(clips)

        return self._classify(first_faults(embedding_faults(lengths, finite)), lengths, read)

    @tf.function(
        autograph=False, input_signature=[tf.TensorSpec([None], tf.string, name="audio_bytes")]
    )
    def embed_wav(self, audio_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        """Embeds WAV files, bytes [batch]; the features are averaged over windows."""
        embedding, errors = compute_clips(
            *self._open_wavs(audio_bytes, self._embed, self._front_end),
            pool_windows,
            self._feature_size,
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
        return {clip_examples.EMBEDDING: self._features_of(windows)}

    @tf.function(
        autograph=False, input_signature=[tf.TensorSpec([None], tf.string, name="audio_bytes")]
    )
    def score_windows(self, audio_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        """Scores every window of WAV files, bytes [batch], each as a clip of its own.

        A window of 0.96 s begins every 0.48 s, as long as those before it leave sound unheard; the
        last one is completed with silence. `scores` are float32 [batch, n, classes], `starts`
        float32 [batch, n] in seconds, and `mask` bool [batch, n], false where a file has fewer
        windows than the longest.
        """
        opened = self._open_wavs(audio_bytes, self._score_each_window, self._timeline)
        scores, mask, errors = compute_windows(*opened, self._classes.shape[0])
        starts = tf.range(tf.shape(mask)[1]) * TIMELINE_HOP_SAMPLES / SAMPLE_RATE
        return {
            "scores": scores,
            "starts": tf.where(mask, tf.cast(starts, tf.float32), 0.0),
            "mask": mask,
            "labels": tf.repeat(self._classes[tf.newaxis], tf.shape(mask)[0], axis=0),
            "error": errors,
        }

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

    def _open_wavs(
        self,
        files: tf.Tensor,
        compute: Callable[[tf.RaggedTensor], tf.RaggedTensor],
        front_end: FrontEnd,
    ) -> tuple[tf.Tensor, tf.Tensor, ReadClips]:
        headers, errors = self._read_wav_headers(files)

        def read(clips: tf.Tensor) -> tuple[tf.RaggedTensor, tf.Tensor]:
            some = WavHeaders(*(tf.gather(field, clips) for field in headers))
            sounds, faults = self._decode_wavs(tf.gather(files, clips), some)
            return compute(sounds), faults

        return errors, num_windows(headers.lengths, front_end), read

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

    def _score_each_window(self, sounds: tf.RaggedTensor) -> tf.RaggedTensor:
        def score(windows: tf.Tensor) -> tf.Tensor:
            features = self._features_of(windows)
            ones = tf.ones(tf.shape(features)[:1], tf.int64)
            return self._head(tf.RaggedTensor.from_row_lengths(features, ones))

        return map_windows(score, sounds, [self._classes.shape[0]], self._timeline)

    # Six signatures share its graph: tracing the network is most of the time of an export.
    @tf.function(
        autograph=False, input_signature=[tf.TensorSpec([None, WINDOW_SAMPLES], tf.float32)]
    )
    def _features_of(self, windows: tf.Tensor) -> tf.Tensor:
        assert self._features is not None  # noqa: S101  Or no signature takes sound.
        # oneDNN's convolutions fail with an empty batch, which a request of faulty items leaves.
        count = tf.shape(windows)[0]
        windows = tf.pad(windows, [[0, tf.cast(count == 0, tf.int32)], [0, 0]])
        log_mel = log_mel_from_windows(windows, self._front_end)
        return self._features(log_mel, training=False)[:count]

    def _measured(self, features: tf.RaggedTensor) -> tf.Tensor:
        """Returns the scores of clips and, if the model tells, how unfamiliar they are."""
        scores = self._head(features)
        if self._unfamiliarity is None:
            return scores
        return tf.concat([scores, self._unfamiliarity(features)], axis=1)

    def _classify(
        self, errors: tf.Tensor, counts: tf.Tensor, read: ReadClips
    ) -> dict[str, tf.Tensor]:
        classes = self._classes.shape[0]
        size = classes + (self._unfamiliarity is not None)
        measured, errors = compute_clips(errors, counts, read, self._measure, size)
        scores, distances = measured[:, :classes], measured[:, classes:]
        is_good = errors == ""
        top = tf.argmax(scores, axis=1)
        decisions = tf.one_hot(top, classes, True, False, dtype=tf.bool)
        if self._thresholds is not None:
            reached = scores >= self._thresholds
            decisions = decisions & reached if self._at_most_one else reached
        if self._unfamiliarity is not None:
            decisions &= distances <= 1
        label = tf.gather(self._classes, top)
        if self._at_most_one:
            label = tf.where(tf.reduce_any(decisions, axis=1), label, "")
        told = {}
        if self._unfamiliarity is not None:
            # NaN, since a clip of 0 would be a typical one.
            told = {"unfamiliarity": tf.where(is_good, distances[:, 0], float("nan"))}
        # A client that does not read `error` gets no class for a faulty item.
        return told | {
            "scores": tf.where(is_good[:, tf.newaxis], scores, 0.0),
            "labels": tf.repeat(self._classes[tf.newaxis], tf.shape(scores)[0], axis=0),
            "label": tf.where(is_good, label, ""),
            "decisions": decisions & is_good[:, tf.newaxis],
            "error": errors,
        }


def _no_errors(clips: tf.Tensor) -> tf.Tensor:
    return tf.fill(tf.shape(clips), "")


def _samples_from_pcm16(pcm: tf.Tensor) -> tf.RaggedTensor:
    """Reads 16-bit clips, string [batch], as float32 [batch, n] in [-1, 1), ragged in n."""
    lengths = tf.strings.length(pcm) // 2
    whole = tf.strings.substr(pcm, tf.zeros_like(lengths), 2 * lengths)
    steps = tf.io.decode_raw(tf.strings.reduce_join(whole), tf.int16)
    samples = tf.cast(steps, tf.float32) / 32_768.0
    return tf.RaggedTensor.from_row_lengths(samples, tf.cast(lengths, tf.int64))
