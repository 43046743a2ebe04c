"""Class activation maps that are wrong in one way each."""
