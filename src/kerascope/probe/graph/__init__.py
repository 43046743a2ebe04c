"""What is known of a model before it runs: layers, heads, layouts, which layer to explain."""
