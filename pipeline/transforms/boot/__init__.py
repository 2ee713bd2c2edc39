"""U-Boot's environment, wherever it lies."""
