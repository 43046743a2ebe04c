"""What an audit finds of planted marks and of faint cues in real pictures, and what it costs."""
