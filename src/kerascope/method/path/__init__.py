"""Methods that integrate the gradient along a path from a baseline."""
