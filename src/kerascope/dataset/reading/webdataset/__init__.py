"""WebDataset archives: tar files of images with labels."""
