"""Images written: layers laid down, gateways stamped, blocks mapped."""
