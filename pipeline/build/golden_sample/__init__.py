"""The golden sample of a workspace: its export, decisions about it, and what identifies the gateway it came from."""
