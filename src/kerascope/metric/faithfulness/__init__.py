"""Metrics that change the image where the map says, and see what the model says."""
