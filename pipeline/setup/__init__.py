"""A new workspace: what its inputs say, what is proposed for them, the files people go on with."""
