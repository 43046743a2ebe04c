"""Measurements as JSON, tables and verdicts."""
