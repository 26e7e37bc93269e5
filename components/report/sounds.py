"""Sounds and their pictures, small enough to be inside of the report's one file."""

import io
from collections.abc import Collection, Iterator, Sequence

import numpy as np
import soundfile
import tensorflow as tf
from PIL import Image

from components.html.log_mel_picture import data_uri, draw_log_mel
from components.report.page import MOST_BYTES, MOST_SECONDS, ShownClip
from schema import clip_examples
from vggish.audio.decoding import samples_from_pcm16
from vggish.params import SAMPLE_RATE

_WIDTH = 400


def add_sounds(clips: Sequence[ShownClip], examples: Sequence[str]) -> list[ShownClip]:
    """Gives clips their sounds and pictures, until the limit is reached.

    Args:
        clips: The clips.
        examples: The files of clip examples that hold them.

    Returns:
        The clips; those after the limit, and those of released embeddings, have no sound.
    """
    found = dict(_read_pcm(examples, {clip["clip_id"] for clip in clips}))
    shown = []
    left = MOST_BYTES
    for clip in clips:
        sound = picture = None
        if pcm := found.get(clip["clip_id"]):
            samples = samples_from_pcm16(pcm)[: MOST_SECONDS * SAMPLE_RATE]
            sound, picture = _mp3(samples), _picture(samples)
            left -= len(sound) + len(picture)
        fits = left >= 0
        shown.append(
            ShownClip(
                clip_id=clip["clip_id"],
                true=clip["true"],
                predicted=clip["predicted"],
                scores=clip["scores"],
                sound=sound if fits else None,
                picture=picture if fits else None,
            )
        )
    return shown


def _read_pcm(files: Sequence[str], clip_ids: Collection[str]) -> Iterator[tuple[str, bytes]]:
    missing = set(clip_ids)
    records = tf.data.TFRecordDataset(files).as_numpy_iterator()
    while missing and (record := next(records, None)) is not None:
        features = tf.train.Example.FromString(record).features.feature
        clip_id = features[clip_examples.CLIP_ID].bytes_list.value[0].decode()
        if clip_id in missing and clip_examples.PCM in features:
            missing.remove(clip_id)
            yield clip_id, features[clip_examples.PCM].bytes_list.value[0]


def _mp3(samples: np.ndarray) -> str:
    """Compresses samples at 16 kHz; every browser plays the format."""
    file = io.BytesIO()
    soundfile.write(
        file,
        samples,
        SAMPLE_RATE,
        format="MP3",
        bitrate_mode="VARIABLE",
        compression_level=0.6,
    )
    return data_uri("audio/mpeg", file.getvalue())


def _picture(samples: np.ndarray) -> str:
    image = draw_log_mel(samples)
    image = image.resize((min(_WIDTH, image.width), image.height), Image.Resampling.BOX)
    file = io.BytesIO()
    image.save(file, "WEBP", quality=60)
    return data_uri("image/webp", file.getvalue())
