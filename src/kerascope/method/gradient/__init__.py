"""Methods on the gradient at the image."""
