"""What one gateway is called and known by."""
