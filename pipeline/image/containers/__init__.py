"""What disk images come in: containers, compression, partition tables."""
