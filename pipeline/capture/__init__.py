"""Makes an export of a golden sample: over SSH from the running gateway, or from an image of its disk, read-only."""
