"""Clip examples as a stream of log-mel windows for training."""

import logging
import math

import numpy as np
import tensorflow as tf

from schema import clip_examples
from schema.config.warm_start_settings import AugmentSettings, WarmStartSettings
from trainer.fitting.keras_fitting import EpochBatches
from trainer.warm_start.augmentation import draw_noise, mask_spectrogram, mix_at_snr, shift_in_time
from trainer.workers.share import Share
from trainer.workers.strategy import own_share
from vggish import params
from vggish.errors import DataSetError
from vggish.networks.log_mel import log_mel, num_windows, windows_from_waveform
from vggish.networks.network import FrontEnd

_CLIPS_A_READ = 16  # Each may be as long as `ingest.max_seconds`.
_SHUFFLED_CLIPS = 2048
_WINDOWS_A_BATCH = 1024  # 25 MB of log-mel.
_NOISE_SAMPLES = 1 << 27  # 256 MB, over two hours.
_BYTES_A_SAMPLE = 2


class SoundClips:
    """The labelled clips of one split, on disk.

    A clip without labels is left out. A label that no training clip has is not a class: in a
    multi-label task, a clip loses this label; in a single-label task, the clip is left out.

    Args:
        file_patterns: Patterns of TFRecord files of clip examples.
        classes: Class names, in the order of the targets.
        front_end: Front end of the network.
        multi_label: Whether a clip may have any number of labels.

    Raises:
        DataSetError: No clip is left.

    Attributes:
        front_end: Front end of the network.
        clip_ids: bytes [clips].
        targets: Ones and zeros, float32 [clips, classes].
        longest: Number of windows of the longest clip.
    """

    def __init__(
        self,
        file_patterns: list[str],
        classes: list[str],
        front_end: FrontEnd,
        *,
        multi_label: bool,
    ):
        self._files = tf.constant(
            sorted(file for pattern in file_patterns for file in tf.io.gfile.glob(pattern))
        )
        self._classes = len(classes)
        self._multi_label = multi_label
        self._table = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(
                tf.constant(classes), tf.range(len(classes), dtype=tf.int64)
            ),
            default_value=-1,
        )
        self.front_end = front_end
        found = [
            (clip_id.numpy(), len(pcm.numpy()), target.numpy())
            for clip_id, pcm, target in self._examples(self._files)
        ]
        if not found:
            raise DataSetError(
                f"No clip of {', '.join(file_patterns)} has a label that is a class; check the "
                "labels."
            )
        clip_ids, sizes, targets = zip(*found, strict=True)
        self.clip_ids = np.array(clip_ids)
        self.targets = np.stack(targets)
        longest = max(sizes) // _BYTES_A_SAMPLE
        self.longest = int(num_windows(tf.constant(longest), front_end))

    def read(self, seed: tf.Tensor | None = None) -> tf.data.Dataset:
        """Streams the clips.

        Args:
            seed: Seed of the order of the files, int64 [2]; None orders them by name.

        Returns:
            16-bit PCM, string, and targets, float32 [classes].
        """
        files = self._files
        if seed is not None:
            files = tf.random.experimental.stateless_shuffle(files, seed)
        return self._examples(files).map(lambda _, pcm, target: (pcm, target))

    def _examples(self, files: tf.Tensor) -> tf.data.Dataset:
        records = tf.data.TFRecordDataset(files)
        return records.batch(_CLIPS_A_READ).map(self._parse).unbatch()

    def _parse(self, records: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Parses serialized examples [batch] to ids, PCM and targets of the labelled ones."""
        spec = {
            **clip_examples.clip_id_spec(),
            **clip_examples.pcm_spec(),
            **clip_examples.labels_spec(),
        }
        parsed = tf.io.parse_example(records, spec)
        labels = parsed[clip_examples.LABELS]
        if not self._multi_label:
            labels = labels[:, :1]
        ids = labels.with_values(self._table.lookup(labels.values)).to_tensor(-1)
        # -1 becomes a row of zeros. The extra -1 gives clips without labels a row to reduce.
        hits = tf.one_hot(tf.pad(ids, [[0, 0], [0, 1]], constant_values=-1), self._classes)
        targets = tf.reduce_max(hits, axis=1)
        known = labels.row_lengths() > 0
        if not self._multi_label:
            known &= tf.reduce_any(targets > 0, axis=1)
        clip_ids, pcm = parsed[clip_examples.CLIP_ID], parsed[clip_examples.PCM]
        return clip_ids[known], pcm[known], targets[known]


def read_noise(file_patterns: list[str]) -> tf.Tensor:
    """Reads noise sounds into memory, end to end.

    Args:
        file_patterns: Patterns of TFRecord files of clip examples.

    Returns:
        int16 [samples] at 16 kHz: at most the first two hours.
    """
    files = sorted(file for pattern in file_patterns for file in tf.io.gfile.glob(pattern))
    sounds, left = [], _NOISE_SAMPLES
    for record in tf.data.TFRecordDataset(files):
        pcm = tf.io.parse_single_example(record, clip_examples.pcm_spec())[clip_examples.PCM]
        sounds.append(tf.io.decode_raw(pcm, tf.int16)[:left])
        left -= len(sounds[-1])
        if not left:
            logging.warning("Only the first two hours of the noise are used.")
            break
    return tf.concat([tf.zeros([0], tf.int16), *sounds], axis=0)


def sound_train_batches(
    clips: SoundClips, settings: WarmStartSettings, noise: tf.Tensor, batch_size: int, seed: int
) -> EpochBatches:
    """Returns the augmented clips of any epoch; its number and the seed determine their order.

    Args:
        clips: The training split.
        settings: Settings of the maximum stretch of a clip and of the augmentation.
        noise: Noise to mix in, int16 [samples]; may be empty.
        batch_size: Number of clips per batch.
        seed: Seed of all random draws.

    Returns:
        Function from the number of an epoch to batches `((log_mel, mask), targets)`: log-mel
        float32 [batch, n, 96, 64]; mask float32 [batch, n], 1 for a window and 0 for padding;
        targets float32 [batch, classes].
    """
    augment = settings.augment
    stretch = params.WINDOW_SAMPLES + (settings.max_windows - 1) * clips.front_end.hop_samples
    silence = math.log(clips.front_end.log_offset)  # The log-mel value of digital silence.
    has_noise = bool(augment.noise_share and noise.shape[0])
    share = own_share()

    def crop(clip_seed: tf.Tensor, pcm: tf.Tensor) -> tf.Tensor:
        samples = tf.strings.length(pcm) // _BYTES_A_SAMPLE
        spare = tf.maximum(samples - stretch, 0)
        start = tf.random.stateless_uniform([], _fold(clip_seed, 0), 0, spare + 1, tf.int32)
        size = tf.minimum(samples, stretch) * _BYTES_A_SAMPLE
        return tf.strings.substr(pcm, start * _BYTES_A_SAMPLE, size)

    def shuffle(seeds: tf.Tensor, *clips: tf.Tensor) -> tuple[tf.Tensor, ...]:
        # Dataset.shuffle accepts no seed that a graph computes.
        places = tf.range(tf.shape(seeds)[0])
        order = tf.random.experimental.stateless_shuffle(places, _fold(seeds[0], 1))
        return tuple(tf.gather(tensor, order) for tensor in (seeds, *clips))

    def mask(log_mel: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        return mask_spectrogram(
            log_mel, augment.mask_frames, augment.mask_bands, _fold(seed, 3), silence
        )

    def listen(clip_seed: tf.Tensor, pcm: tf.Tensor) -> tf.Tensor:
        waveform = _waveform(pcm)
        if augment.shift_seconds:
            most = round(augment.shift_seconds * params.SAMPLE_RATE)
            waveform = shift_in_time(waveform, most, _fold(clip_seed, 2))
        if has_noise:
            waveform = _with_noise(waveform, noise, augment, clip_seed)
        return waveform

    def batches(epoch: tf.Tensor) -> tf.data.Dataset:
        epoch_seed = _fold(tf.constant([seed, 0], tf.int64), epoch)
        seeds = tf.data.Dataset.counter().map(lambda number: _fold(epoch_seed, number))
        waveforms = (
            tf.data.Dataset.zip(seeds, clips.read(epoch_seed))
            .map(lambda s, clip: (s, crop(s, clip[0]), clip[1]))
            # After cropping, so that long clips take no more memory.
            .batch(_SHUFFLED_CLIPS)
            .map(shuffle)
            .unbatch()
            .apply(share.of)
            .map(lambda s, pcm, targets: (listen(s, pcm), targets, s), tf.data.AUTOTUNE)
        )
        batched = _batched(waveforms, clips, share, share.batch_size(batch_size))
        masked = batched.map(lambda inputs, t, seeds: ((mask(inputs[0], seeds[0]), inputs[1]), t))
        return masked.take(share.steps(len(clips.targets), batch_size))

    return batches


def sound_eval_batches(
    clips: SoundClips, batch_size: int, share: Share | None = None
) -> tf.data.Dataset:
    """Streams complete, unaugmented clips in their order on disk.

    Args:
        clips: Clips of the split.
        batch_size: Maximum number of clips per batch; fewer if clips have many windows.
        share: The clips to stream; None: all.

    Returns:
        Batches as in an epoch of `sound_train_batches`.
    """
    share = share or Share()
    waveforms = share.of(clips.read()).map(lambda pcm, targets: (_waveform(pcm), targets))
    size = max(1, min(batch_size, _WINDOWS_A_BATCH // clips.longest))
    return _batched(waveforms, clips, share, size).prefetch(tf.data.AUTOTUNE)


def _batched(
    waveforms: tf.data.Dataset, clips: SoundClips, share: Share, batch_size: int
) -> tf.data.Dataset:
    """Turns clips, float32 [samples], and their other values into batches of log-mel."""

    def hear(
        waveforms: tf.Tensor, lengths: tf.Tensor, *others: tf.Tensor
    ) -> tuple[tuple[tf.Tensor, tf.Tensor] | tf.Tensor, ...]:
        windows = windows_from_waveform(waveforms, lengths, clips.front_end)
        spectra = log_mel(windows, clips.front_end)
        mask = tf.sequence_mask(spectra.row_lengths(), dtype=tf.float32)
        return (spectra.to_tensor(), mask), *others

    batches = (
        waveforms.map(lambda waveform, *others: (waveform, tf.size(waveform), *others))
        .padded_batch(batch_size)
        .map(hear, tf.data.AUTOTUNE)
    )
    count = math.ceil(share.count(len(clips.targets)) / batch_size)
    return batches.apply(tf.data.experimental.assert_cardinality(count))


def _fold(seed: tf.Tensor, number: int | tf.Tensor) -> tf.Tensor:
    """Derives a seed from a seed, a different one for every number."""
    return tf.random.experimental.stateless_fold_in(seed, number)


def _with_noise(
    waveform: tf.Tensor, noise: tf.Tensor, settings: AugmentSettings, clip_seed: tf.Tensor
) -> tf.Tensor:
    chance = tf.random.stateless_uniform([], _fold(clip_seed, 4))
    decibels = tf.random.stateless_uniform([], _fold(clip_seed, 5), *settings.noise_snr)
    return tf.cond(
        chance < settings.noise_share,
        lambda: mix_at_snr(
            waveform, draw_noise(noise, tf.size(waveform), _fold(clip_seed, 6)), decibels
        ),
        lambda: waveform,
    )


def _waveform(pcm: tf.Tensor) -> tf.Tensor:
    """Decodes one clip's 16-bit PCM, string, to float32 [samples]."""
    return tf.cast(tf.io.decode_raw(pcm, tf.int16), tf.float32) / 32_768.0
