"""An audit as a value, as files and as a page."""
