"""A run over a data set: planned, executed here or by workers, its faults kept to one image."""
