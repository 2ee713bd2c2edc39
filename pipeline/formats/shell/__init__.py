"""Shell scripts: their words, their structure, and what they would run, followed without running anything."""
