"""Writing images: layers, stamped gateways, block maps."""
