"""Rules about who may log in over SSH, and how."""
