"""The commands of doit, one file each: parses options, makes one call, prints the result, sets the exit status."""
