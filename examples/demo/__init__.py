"""The demo: a small network that reads digits and an ImageNet classifier, both explained.

Run it with `python -m examples.demo`. Everything it needs besides kerascope is read from installed
packages, so it works offline; `examples.data_files` says which packages those are.
"""
