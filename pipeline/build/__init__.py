"""The steps of a build, one module each: each reads inputs, calls pure parts, leaves complete files or nothing."""
