"""Examples of kerascope. Run them from the folder above this one: `python -m examples.demo`."""
