"""Boots a throw-away copy of a gateway's image and compares what it does with what its manifest promises."""
