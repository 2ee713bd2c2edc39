"""Private keys: where they lie, how they are opened, what is public of them."""
