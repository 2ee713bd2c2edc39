"""Images booted in a virtual machine that is thrown away."""
