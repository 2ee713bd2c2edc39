"""Rules about interfaces and their files."""
