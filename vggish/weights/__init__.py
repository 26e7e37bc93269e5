"""Sources of a network's weights, and their verification."""
