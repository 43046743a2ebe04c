"""A run over a data set: its plan, job, pipeline and workers."""
