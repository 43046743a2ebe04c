"""Execution of requests: compiled programs, their cache, and results."""
