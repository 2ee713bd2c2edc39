"""The framework's own files."""
