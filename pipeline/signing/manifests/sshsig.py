"""Signs as ``ssh-keygen -Y sign`` does, byte for byte."""

from __future__ import annotations

from pipeline.formats.ssh import sshsig
from pipeline.signing.keys.signers import ManifestSigner


def sign(message: bytes, signer: ManifestSigner, namespace: str, what: str = "a manifest") -> bytes:
    """An armored SSH signature; the namespace keeps it from being taken for a signature made for anything else.

    Args:
        what: names the message, for messages.
    """
    signature = signer.sign(sshsig.to_be_signed(message, namespace), what)
    return sshsig.armor(signer.public, namespace, signature)
