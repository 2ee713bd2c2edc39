"""Plans and verdicts as text and as files for machines."""
