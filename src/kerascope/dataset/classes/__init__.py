"""Names of classes, and the classes that a model has."""
