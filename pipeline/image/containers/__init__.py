"""What disk images are packed in: containers, compression, partition tables."""
