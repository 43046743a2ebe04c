"""Bytes of a file as pixels."""
