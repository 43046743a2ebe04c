"""Faithfulness metrics: scores of images changed in the order of relevance."""
