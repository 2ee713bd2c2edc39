"""Reading images: inspection, observation, search."""
