"""Scoped interception of layer calls: taps, rules, and the forward pass with them."""
