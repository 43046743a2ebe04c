"""Duplicate images, in the data set and in the training data."""
