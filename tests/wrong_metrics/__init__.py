"""Metrics that are wrong in one way each; `WRONG` pairs each with the check that must find it."""
