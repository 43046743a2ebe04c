"""Output of reports: text, figures, HTML."""
