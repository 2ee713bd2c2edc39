"""What will be in an image, decided without looking at one: pure."""
