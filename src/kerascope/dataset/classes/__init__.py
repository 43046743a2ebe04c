"""Names of classes, matched to labels, outputs and targets."""
