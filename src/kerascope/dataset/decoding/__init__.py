"""Decoding: photographs from the bytes of files."""
