"""Scoped interception of layer calls; nothing of the model changes."""
