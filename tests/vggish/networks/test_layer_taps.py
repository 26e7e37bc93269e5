import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from vggish.audio.decoding import decode
from vggish.errors import VggishError
from vggish.networks.layer_taps import (
    build_features,
    build_joined_features,
    build_network,
    feature_size,
)
from vggish.networks.log_mel import log_mel_from_windows, windows_from_waveform
from vggish.networks.network import NUM_MFCC
from vggish.networks.vggish_network import VGGISH
from vggish.weights.weight_arrays import apply_weights

WINDOWS = np.random.default_rng(0).normal(-2.0, 1.5, (3, 96, 64)).astype(np.float32)


def activations(weights, layer):
    network = build_network(up_to=layer)
    apply_weights(network, weights)
    return network(WINDOWS).numpy()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", VGGISH.features)
def test_every_feature_has_its_size(name, dtype, weights):
    found = build_features(name, weights, dtype)(WINDOWS)
    assert found.shape == (3, feature_size(name))
    assert found.dtype == "float32"


@pytest.mark.parametrize(
    ("name", "layer", "parameters"),
    [
        ("embedding", "fc2", 72_141_184),
        ("fc1", "fc1_2", 71_616_768),
        ("pool4", "pool4", 4_499_712),
    ],
)
def test_taps_are_the_layers_flattened_in_order(name, layer, parameters, weights):
    model = build_features(name, weights)
    expected = activations(weights, layer)
    np.testing.assert_allclose(model(WINDOWS), expected.reshape(3, -1), rtol=1e-4, atol=1e-6)
    assert model.count_params() == parameters
    assert expected.shape[1:] == VGGISH.features[name].shape


def test_fusion_is_mean_and_max_over_time_of_pool3_then_pool4(weights):
    parts = []
    for layer in ("pool3", "pool4"):
        activation = activations(weights, layer)
        parts += [activation.mean(axis=1).reshape(3, -1), activation.max(axis=1).reshape(3, -1)]
    model = build_features("fusion", weights)
    np.testing.assert_allclose(model(WINDOWS), np.concatenate(parts, axis=1), rtol=1e-4, atol=1e-6)
    assert model.count_params() == 4_499_712  # No dense layer is built.


def test_joined_features_share_their_layers(weights):
    names = ["mfcc", "fc1", "fusion"]
    model = build_joined_features(names, weights)
    expected = [build_features(name, weights)(WINDOWS) for name in names]
    np.testing.assert_allclose(
        model(WINDOWS), np.concatenate(expected, axis=1), rtol=1e-4, atol=1e-6
    )
    assert model.count_params() == build_features("fc1", None).count_params()
    assert build_joined_features(["log_mel", "mfcc"], None)(WINDOWS).shape == (3, 96 * 64 + 40)


def test_log_mel_is_the_input():
    model = build_features("log_mel", None)
    np.testing.assert_array_equal(model(WINDOWS), WINDOWS.reshape(3, -1))
    assert model.count_params() == 0


def test_mfcc_is_mean_and_deviation_of_the_cepstrum():
    cepstrum = tf.signal.mfccs_from_log_mel_spectrograms(WINDOWS).numpy()[..., :NUM_MFCC]
    expected = np.concatenate([cepstrum.mean(axis=1), cepstrum.std(axis=1)], axis=1)
    np.testing.assert_allclose(build_features("mfcc", None)(WINDOWS), expected, atol=1e-4)


@pytest.mark.parametrize("name", ["log_mel", "mfcc"])
def test_no_windows_are_no_features(name):
    assert build_features(name, None)(WINDOWS[:0]).shape == (0, feature_size(name))


def test_a_model_survives_export(weights, tmp_path):
    class Exported(tf.Module):
        def __init__(self):
            super().__init__()
            self.model = build_features("fusion", weights)

        @tf.function(input_signature=[tf.TensorSpec([None, 96, 64], tf.float32)])
        def __call__(self, log_mel):
            return self.model(log_mel)

    exported = Exported()
    tf.saved_model.save(exported, str(tmp_path))
    found = tf.saved_model.load(str(tmp_path))(WINDOWS)
    np.testing.assert_allclose(found, exported(WINDOWS), atol=1e-6)


def test_an_unknown_feature_names_the_nearest():
    with pytest.raises(
        VggishError, match=r"VGGish has no features 'fuson'; did you mean 'fusion'\?"
    ):
        feature_size("fuson")


def test_the_table_needs_no_tensorflow():
    program = (
        "import sys; from vggish.networks.layer_taps import feature_size; feature_size('fusion');"
        "sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.real_data
def test_fusion_hears_words_with_random_weights(real_data, weights):
    """A linear probe on half of the words' speakers: what a head can make of the feature."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    paths = sorted((real_data / "speech_commands").glob("[a-z]*/*_nohash_*.wav"))
    assert len(paths) == 1_500
    words = np.array([path.parent.name for path in paths])
    speakers = np.array([path.name.partition("_nohash_")[0] for path in paths])
    held_out = np.isin(speakers, np.unique(speakers)[::4])
    model = build_features("fusion", weights)
    first_windows = []
    for path in paths:
        windows = windows_from_waveform(decode(path).samples[np.newaxis]).values[:1]
        first_windows.append(windows)
    batches = [tf.concat(first_windows[start : start + 50], 0) for start in range(0, 1_500, 50)]
    features = np.concatenate([model(log_mel_from_windows(batch)) for batch in batches])
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=200))
    probe.fit(features[~held_out], words[~held_out])
    accuracy = probe.score(features[held_out], words[held_out])
    print(f"fusion, random weights: accuracy {accuracy:.3f} of {held_out.sum()} clips")
    assert accuracy >= 0.75
