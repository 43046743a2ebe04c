"""Class activation maps whose weights come from further forward passes, without gradients."""
