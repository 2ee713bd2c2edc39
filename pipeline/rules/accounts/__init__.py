"""Rules about people, passwords and who becomes root."""
