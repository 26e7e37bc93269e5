"""From samples to features: front end, network, layer taps and post-processor."""
