"""Files of the host to model values; every problem of one input reported at once, with file and key."""
