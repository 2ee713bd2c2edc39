"""Keys that are elsewhere: signatures from a signing station are kept by the data they sign and checked at each use.

So a release key never meets the build machine: the build says what is to be signed, takes signatures back, and puts
them into bundles and beside images as if it had made them.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.host.digests import write_atomically
from pipeline.signing.keys.private_file import sweep_unfinished
from pipeline.signing.keys.private_keys import PublicKey, is_valid

_LARGEST = 4096  # bytes; a signature of a 16384 bit RSA key has half of that


@dataclass(frozen=True)
class SignatureStore:
    """Signatures in a directory, each file named after the SHA-256 of what was signed; public, may be committed."""

    directory: Path

    def path(self, data: bytes) -> Path:
        """Where the signature of this data lies or would lie."""
        return self.directory / f"{hashlib.sha256(data).hexdigest()}.sig"

    def find(self, data: bytes, public: PublicKey) -> bytes | None:
        """The signature of this data by this key, or None; one by another key, left from former days, is none."""
        path = self.path(data)
        try:
            with path.open("rb") as file:
                signature = file.read(_LARGEST)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise PipelineError(f"{path}: cannot be read: {error.strerror}", "check its permissions") from None
        return signature if is_valid(public, signature, data) else None

    def keep(self, data: bytes, signature: bytes) -> None:
        """Keep a signature that was checked; what a killed process left of it goes: the directory is an input."""
        sweep_unfinished(self.path(data))
        write_atomically(self.path(data), signature, 0o644)


@dataclass(frozen=True)
class DetachedKey:
    """A key of which only the public half is here.

    Attributes:
        command: of doit, that has its signatures made and takes them back.
    """

    name: str
    public: PublicKey
    store: SignatureStore
    command: str = "bundles"

    def sign(self, data: bytes, what: str) -> bytes:
        """The signature that was taken back for this data; `PipelineError` says what is missing."""
        found = self.store.find(data, self.public)
        if found is None:
            raise PipelineError(
                f"{what}: {self.store.path(data)}: the signature by {self.name} is missing",
                f"doit {self.command} --emit DIRECTORY, have it signed where the key is, "
                f"doit {self.command} --take DIRECTORY",
            )
        return found
