"""The described images as arrays: thumbnails, clusters, labels."""
