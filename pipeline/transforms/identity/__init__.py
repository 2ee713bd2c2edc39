"""Names and identities of one gateway."""
