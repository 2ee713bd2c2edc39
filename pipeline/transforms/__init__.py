"""Facts to layer entries, one subject per module. Pure; none of them imports another."""
