"""What kerascope costs, against the bare forward pass and against peers; see README.md."""
