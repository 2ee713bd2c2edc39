"""SSH servers."""
