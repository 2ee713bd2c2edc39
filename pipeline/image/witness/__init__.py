"""Readers of images that are not the writer's: The Sleuth Kit and libfsext, each in a process of its own."""
