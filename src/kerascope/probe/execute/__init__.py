"""Requests, compiled programs, batches, results."""
