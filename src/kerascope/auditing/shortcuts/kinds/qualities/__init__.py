"""Kinds of quality of the whole picture: how each is suspected and tested."""
