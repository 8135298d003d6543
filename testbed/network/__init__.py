"""The network of a bed: rules as text, the pipe to where they hold, faults, and their proof."""
