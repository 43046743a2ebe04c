"""Class activation maps: layers, weighed."""
