"""Images read: inspected, observed, searched."""
