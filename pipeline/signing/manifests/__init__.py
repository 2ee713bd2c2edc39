"""Signatures of manifests and provenances."""
