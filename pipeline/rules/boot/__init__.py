"""Rules about the boot loader and the release of the system."""
