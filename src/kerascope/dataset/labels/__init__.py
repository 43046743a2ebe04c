"""Labels of images, and columns of labels."""
