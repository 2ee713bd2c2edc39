"""What goes to a signing station and comes back: a directory with the bytes to be signed and a request that lists them.

``request.json`` (canonical JSON), ``signer.pem`` (the certificates expected, leaf first) and for each signature wanted
``<sha256>.SF``. The station puts ``<sha256>.sig`` beside it: an RSA signature with SHA-256 and PKCS #1 v1.5 padding, as
``openssl dgst -sha256 -sign`` makes it (ECDSA as DER for EC keys), or a whole signature block as ``<sha256>.RSA``.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from pipeline.errors import PipelineError, Problem, raise_if_any
from pipeline.formats import canonical_json
from pipeline.formats.crypto import signature_block
from pipeline.formats.crypto.signature_block import BlockError
from pipeline.host.digests import write_atomically
from pipeline.model.trust import Certificate
from pipeline.signing.keys.private_keys import PublicKey, is_valid
from pipeline.signing.manifests.detached import SignatureStore
from pipeline.signing.manifests.returned_file import read_returned

if TYPE_CHECKING:  # else signing stations would need what reads keystores
    from pipeline.signing.bundles.packages import ToBeSigned

FORMAT = "gateway-image-pipeline signing request 1"
REQUEST = "request.json"
CERTIFICATES = "signer.pem"

_LARGEST = 64 << 20


@dataclass(frozen=True)
class Item:
    """One signature that is wanted.

    Attributes:
        sha256: of the signature file, which names its files.
        bundles: those it is for, one line each.
    """

    sha256: str
    bundles: tuple[str, ...]
    content: bytes = field(repr=False)


def write_request(
    directory: Path, wanted: Sequence[ToBeSigned], chain: Sequence[Certificate], *, release: str, key: str
) -> tuple[Item, ...]:
    """Write a request into a directory that is empty or does not exist; returns what it asks for, sorted.

    Raises:
        PipelineError: the directory holds something already, which could be taken for part of the request.
    """
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise PipelineError(f"{directory}: it is not an empty directory", "name one that does not exist yet")
    items = _items(wanted)
    leaf = x509.load_der_x509_certificate(chain[0].der).public_key()
    rsa_name, ec_name = "RSA PKCS #1 v1.5 with SHA-256", "ECDSA with SHA-256, DER"
    request = {
        "format": FORMAT,
        "release": release,
        "key": key,
        "algorithm": ec_name if isinstance(leaf, ec.EllipticCurvePublicKey) else rsa_name,
        "certificates": [{"sha256": one.sha256, "subject": one.subject} for one in chain],
        "items": [{"bundles": list(item.bundles), "sha256": item.sha256} for item in items],
    }
    directory.mkdir(parents=True, exist_ok=True)
    for item in items:
        write_atomically(directory / f"{item.sha256}.SF", item.content, 0o644)
    pem = b"".join(x509.load_der_x509_certificate(one.der).public_bytes(Encoding.PEM) for one in chain)
    write_atomically(directory / CERTIFICATES, pem, 0o644)
    # last, so that a directory with a request has all the request speaks of
    write_atomically(directory / REQUEST, canonical_json.dumps(request), 0o644)
    return items


def read_request(directory: Path) -> tuple[Item, ...]:
    """The request in a directory, each file compared with the digest it is listed by.

    Raises:
        PipelineError: no request, of another version, or a file that is missing or is not what is listed.
    """
    file = directory / REQUEST
    remedy = "write it anew: doit bundles --emit DIRECTORY"
    try:
        content = read_returned(file, _LARGEST)
        if content is None:
            raise PipelineError(f"{file}: cannot be read: not there", "name the directory of a request")
        request = json.loads(content)
        listed = [(str(item["sha256"]), tuple(str(one) for one in item["bundles"])) for item in request["items"]]
        version = request["format"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise PipelineError(f"{file}: it is not a signing request", remedy) from None
    if version != FORMAT:
        raise PipelineError(f"{file}: it is a request of another version", "use the same version on both machines")
    problems: list[Problem] = []
    items: list[Item] = []
    for digest, bundles in listed:
        content = read_returned(directory / f"{digest}.SF", _LARGEST) if re.fullmatch(r"[0-9a-f]{64}", digest) else None
        if content is None or hashlib.sha256(content).hexdigest() != digest:
            problems.append(
                Problem(f"{file}: {ascii(digest)[1:-1]}: its file is missing or is not what it was", remedy)
            )
        elif not content.startswith(b"Signature-Version: 1.0\r\n"):
            problems.append(Problem(f"{directory / digest}.SF: it is not the signature file of a JAR", remedy))
        else:
            items.append(Item(digest, bundles, content))
    raise_if_any(problems)
    return tuple(items)


def take_signatures(
    directory: Path, wanted: Sequence[ToBeSigned], public: PublicKey, store: SignatureStore
) -> tuple[tuple[Item, ...], tuple[Item, ...]]:
    """Take back what was signed; returns what was taken and what is still missing.

    What is wanted is known here; nothing of the request is read again. Signatures are checked with the certificate's
    key, all of them before the first is kept.

    Raises:
        PipelineError: every signature in the directory that is none.
    """
    if not directory.is_dir():
        raise PipelineError(f"{directory}: no such directory", "name the one that came back from the signing station")
    problems: list[Problem] = []
    taken: list[tuple[Item, bytes]] = []
    missing: list[Item] = []
    for item in _items(wanted):
        try:
            signature = _returned(directory, item, public)
        except PipelineError as error:
            problems.extend(error.problems)
            continue
        if signature is not None:
            taken.append((item, signature))
        elif store.find(item.content, public) is None:
            missing.append(item)
    raise_if_any(problems)
    for item, signature in taken:
        store.keep(item.content, signature)
    return tuple(item for item, _ in taken), tuple(missing)


def _returned(directory: Path, item: Item, public: PublicKey) -> bytes | None:
    """The signature that came back for an item, checked; None when none did."""
    path = directory / f"{item.sha256}.sig"
    signature = read_returned(path, _LARGEST)
    note = ""
    for kind in ("RSA", "EC") if signature is None else ():
        path = directory / f"{item.sha256}.{kind}"
        block = read_returned(path, _LARGEST)
        if block is not None:
            signature, note = _signature_in(block, path)
            break
    if signature is None:
        return None
    if not is_valid(public, signature, item.content):
        raise PipelineError(
            f"{path}: it is not a signature of {item.sha256}.SF by the key of the certificate{note}",
            "sign the .SF file as it is with that key: openssl dgst -sha256 -sign KEY -out FILE.sig FILE.SF",
        )
    return signature


def _signature_in(block: bytes, path: Path) -> tuple[bytes, str]:
    """The signature of a whole block, and what may be wrong with it."""
    try:
        signers = signature_block.parse_block(block).signers
    except BlockError as error:
        raise PipelineError(
            f"{path}: it is not a signature block: {error}", "give the signature alone, as .sig"
        ) from None
    if len(signers) != 1:
        raise PipelineError(f"{path}: it has {len(signers)} signers", "give the signature alone, as .sig")
    attributes = " (it has signed attributes, which gateways do not accept)" if signers[0].signed_attributes else ""
    return signers[0].signature, attributes


def _items(wanted: Sequence[ToBeSigned]) -> tuple[Item, ...]:
    found: dict[str, Item] = {}
    for bundle in wanted:
        digest = hashlib.sha256(bundle.signature_file).hexdigest()
        line = f"{bundle.package}: {bundle.bundle}: {bundle.symbolic_name} {bundle.version}, SHA-256 {bundle.sha256}"
        former = found[digest].bundles if digest in found else ()
        found[digest] = Item(digest, (*former, line), bundle.signature_file)
    return tuple(found[digest] for digest in sorted(found))
