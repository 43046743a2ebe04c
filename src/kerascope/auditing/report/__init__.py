"""HTML reports of an audit."""
