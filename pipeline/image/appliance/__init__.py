"""The libguestfs appliance: starts it, calls it, and cleans up after it."""
