"""Private keys: where they are kept, how they are opened, and their public parts."""
