"""From pixels to what the model takes, and which way that is."""
