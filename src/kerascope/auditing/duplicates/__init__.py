"""Images that are there more than once, or also in the training data."""
