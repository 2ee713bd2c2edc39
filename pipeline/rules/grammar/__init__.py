"""What the real programs refuse in the files they read, said without asking them: tables and checks by program."""
