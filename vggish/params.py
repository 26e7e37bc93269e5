"""The numbers that define VGGish.

Source of every value without another source next to it: `vggish_params.py` and `vggish_slim.py` of
the reference release (TensorFlow models, research/audioset/vggish). Another value makes
another model.
"""

# Audio, as the network expects it.
SAMPLE_RATE = 16_000  # Hz, mono.

# Short-time Fourier transform. The reference gives 25 ms and 10 ms, and takes the next power of two
# above the window as the transform length (mel_features.py).
STFT_WINDOW_SAMPLES = 400  # 25 ms
STFT_HOP_SAMPLES = 160  # 10 ms
STFT_FFT_LENGTH = 512
STFT_BINS = STFT_FFT_LENGTH // 2 + 1

# Mel spectrogram.
NUM_BANDS = 64
MEL_MIN_HZ = 125.0
MEL_MAX_HZ = 7_500.0
LOG_OFFSET = 0.01  # Added to the mel magnitudes before the natural logarithm.

# A window is the network's input: 96 frames, 0.96 s from first frame to one hop behind the last
# one.
NUM_FRAMES = 96
WINDOW_SECONDS = 0.96
WINDOW_SAMPLES = STFT_WINDOW_SAMPLES + (NUM_FRAMES - 1) * STFT_HOP_SAMPLES  # 15,600
WINDOW_HOP_SAMPLES = NUM_FRAMES * STFT_HOP_SAMPLES  # 15,360: windows do not overlap in frames.

# The network: channels of each 3x3 convolution, and units of each dense layer, in order.
CONVOLUTION_CHANNELS = {
    "conv1": 64,
    "conv2": 128,
    "conv3_1": 256,
    "conv3_2": 256,
    "conv4_1": 512,
    "conv4_2": 512,
}
DENSE_UNITS = {"fc1_1": 4096, "fc1_2": 4096, "fc2": 128}
EMBEDDING_SIZE = DENSE_UNITS["fc2"]
POOL4_SHAPE = (6, 4, 512)  # Time, frequency, channels.

# Post-processing of the embedding.
QUANTIZE_MIN = -2.0
QUANTIZE_MAX = 2.0
PCA_EIGEN_VECTORS_NAME = "pca_eigen_vectors"
PCA_MEANS_NAME = "pca_means"

# The feature of a released AudioSet tf.SequenceExample that holds the embeddings.
AUDIO_EMBEDDING_FEATURE_NAME = "audio_embedding"
