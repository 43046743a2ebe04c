"""Methods made of another method."""
