"""The container engine: images, networks, pods, and what cleans up after them."""
