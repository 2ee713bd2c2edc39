"""Rules about owners and modes of files."""
