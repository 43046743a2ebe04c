"""Parquet tables of images."""
