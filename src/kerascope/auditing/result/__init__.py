"""The result of an audit: values, sentences, JSON."""
