"""The steps of a build, one module each: they read inputs, call the pure parts, and leave complete files or nothing."""
