"""What sshd refuses: keywords, values, criteria of Match, algorithms, by version."""
