"""Signatures of bundles and deployment packages."""
