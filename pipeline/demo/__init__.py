"""The demonstration that ships: inputs made on this machine from Debian packages and our own sources."""
