"""The only code that holds private keys and secrets."""
