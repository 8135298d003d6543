"""The container engine: images, pods, subnets, what is left over."""
