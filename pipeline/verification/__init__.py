"""From paths on disk to verdicts: needs image, manifest, signature and a public key, and nothing from the build."""

from pipeline.verification.run import Observe, verify_paths

__all__ = ["Observe", "verify_paths"]
