"""From samples to features: the front end, the network, its layer taps and its post-processor."""
