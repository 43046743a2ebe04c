"""A report as text, figure and page."""
