"""One module for each program that is asked: which files it reads, how it is started, what its replies mean."""
