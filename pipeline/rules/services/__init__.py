"""Rules about what starts, and what must not."""
