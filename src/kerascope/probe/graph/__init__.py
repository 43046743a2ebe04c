"""The graph of a model: its layer calls, output heads, layouts, and the automatic layer."""
