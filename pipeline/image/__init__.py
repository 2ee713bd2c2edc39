"""The only code that opens an image."""
