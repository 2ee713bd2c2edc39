"""Makes a new workspace: looks into its inputs, proposes decisions and writes the files to start from."""
