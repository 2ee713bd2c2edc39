"""The demonstration that ships: a vanilla image and a golden sample made on this machine from Debian packages and our own sources."""
