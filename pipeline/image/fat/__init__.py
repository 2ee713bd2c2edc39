"""FAT as it lies in an image."""
