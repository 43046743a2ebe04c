"""Labels of images and names of classes."""
