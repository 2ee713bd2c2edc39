"""The commands of doit, one file each: options, one call, words and an exit status."""
