"""Formats of the framework: snapshots, policies, deployment packages."""
