"""A release as one base and a small delta per gateway."""
