"""Rules about what belongs to one machine only."""
