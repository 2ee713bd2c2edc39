"""Rules about kernel parameters."""
