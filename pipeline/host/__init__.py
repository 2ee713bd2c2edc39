"""The build machine: its programs, files, locks, terminal and clock."""
