"""What a network is to the rest of the project: its front end, layers, weights and layer taps.

Nothing here needs TensorFlow, so that a configuration is checked without loading it.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vggish import params
from vggish.errors import VggishError
from vggish.suggestions import suggest

if TYPE_CHECKING:
    import keras

    from vggish.weights.published_values import ValueComparison

NUM_MFCC = 20
"""Number of cepstral coefficients, including the zeroth."""


@dataclass(frozen=True)
class FrontEnd:
    """From samples to log-mel windows; the defaults are VGGish's.

    Attributes:
        hop_samples: Samples between the starts of windows.
        log_offset: Added to the mel magnitudes before the natural logarithm.
        pads_the_end: Whether silence completes the last window of a clip. Without it, what is left
            after the last whole window is ignored.
    """

    hop_samples: int = params.WINDOW_HOP_SAMPLES
    log_offset: float = params.LOG_OFFSET
    pads_the_end: bool = False

    def __post_init__(self) -> None:
        if self.hop_samples < 1:
            raise ValueError(f"windows must be at least 1 sample apart, not {self.hop_samples}")


@dataclass(frozen=True)
class Feature:
    """One layer tap.

    Attributes:
        name: Name in the configuration.
        shape: Shape of one window's values, before they are flattened to one vector.
        layers: Names of the network layers that it reads; empty if it needs only the log-mel.
        description: One line for users.
    """

    name: str
    shape: tuple[int, ...]
    layers: tuple[str, ...]
    description: str

    @property
    def size(self) -> int:
        """Numbers per window."""
        return math.prod(self.shape)


_WITHOUT_A_NETWORK = (
    Feature(
        "log_mel",
        (params.NUM_FRAMES, params.NUM_BANDS),
        (),
        "the network's input, flattened from [time 96, band 64]",
    ),
    Feature(
        "mfcc",
        (2 * NUM_MFCC,),
        (),
        f"means over time of {NUM_MFCC} cepstral coefficients, then their standard deviations",
    ),
)


@dataclass(frozen=True)
class Network:
    """A network on log-mel windows of 96 frames and 64 bands.

    Attributes:
        name: Name in the configuration.
        title: Name for people.
        front_end: Its windows and log-mel.
        layers: Names of its layers, from input to output. A layer that is called `block_part`
            belongs to the block `block`.
        variables: Name and shape of each variable, by the layer that has it, in Keras's order.
        taps: Layer taps, of which `embedding` is one.
        make_layer: Function from a layer's name and its Keras dtype policy to the new layer. The
            first layer gets log-mel float32 [w, 96, 64, 1].
        initial_limit: Function from a variable's name and shape to the limit of its uniform random
            values.
        load: Function that reads a path's weights, by the names in `variables`.
        download: Function that fetches the released weights, and returns their path; it takes a
            function that gets the progress.
        compare: Function that compares what all variables by name give for known sounds with the
            published values.
        remark: Function that says in a sentence what users should know about the form of a path's
            weights; empty if there is nothing.
        weights_hint: What users can give as weights, for error messages.
    """

    name: str
    title: str
    front_end: FrontEnd
    layers: tuple[str, ...]
    variables: Mapping[str, Mapping[str, tuple[int, ...]]]
    taps: tuple[Feature, ...]
    make_layer: Callable[[str, str], "keras.layers.Layer"]
    initial_limit: Callable[[str, tuple[int, ...]], float]
    load: Callable[[str], dict[str, np.ndarray]]
    download: Callable[[Callable[[int, int | None], None] | None], str]
    compare: Callable[[Mapping[str, np.ndarray]], list["ValueComparison"]]
    remark: Callable[[str], str]
    weights_hint: str

    @property
    def features(self) -> dict[str, Feature]:
        """Every layer tap by its name, and the features that need no network."""
        return {feature.name: feature for feature in (*self.taps, *_WITHOUT_A_NETWORK)}

    @property
    def variable_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each variable by its name, in the order of the layers."""
        return {name: shape for shapes in self.variables.values() for name, shape in shapes.items()}

    @property
    def blocks(self) -> tuple[str, ...]:
        """Names of the blocks of layers that have weights."""
        return tuple(dict.fromkeys(layer.partition("_")[0] for layer in self.variables))

    def find_feature(self, name: str) -> Feature:
        """Finds a feature by name.

        Args:
            name: One of `features`.

        Returns:
            The feature.

        Raises:
            VggishError: The feature does not exist; the message suggests one.
        """
        if name in self.features:
            return self.features[name]
        raise VggishError(f"{self.title} has no features {name!r}; {suggest(name, self.features)}")

    def last_weights(self, feature: Feature) -> str:
        """Returns the last layer with weights that a feature of this network needs."""
        needed = self.layers[: self.layers.index(feature.layers[-1]) + 1]
        return [layer for layer in needed if layer in self.variables][-1]
