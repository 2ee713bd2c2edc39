"""Manifests and provenances on their way to a key that never meets the build machine, and their signatures back.

A request is a directory: ``request.json`` (canonical JSON), ``signer.pub`` (the key expected), ``commands.txt`` (what
to type) and for each gateway ``NAME.manifest.json`` and ``NAME.provenance.dsse``; once all gateways are verified, it is
``release.json``, the statement of the release as a whole. The station puts ``FILE.sig`` beside each: of a manifest or
the statement what ``ssh-keygen -Y sign`` writes, of a provenance the 64 bytes of an Ed25519 signature over the file as
it is, which holds what an envelope's signature is made over (DSSE 1.0.2, PAE).
"""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from pipeline.errors import PipelineError, Problem, raise_if_any
from pipeline.formats import canonical_json
from pipeline.formats.ssh import sshsig
from pipeline.formats.ssh.allowed_signers import parse_allowed_signers
from pipeline.host.digests import write_atomically
from pipeline.manifest import NAMESPACE, from_bytes, release_from_bytes
from pipeline.signing.keys.private_keys import is_valid
from pipeline.signing.manifests.detached import SignatureStore
from pipeline.signing.manifests.returned_file import read_returned
from pipeline.standards import pae, statement, subjects_of

FORMAT = "gateway-image-pipeline release signing request 1"
REQUEST = "request.json"
SIGNER = "signer.pub"
COMMANDS = "commands.txt"

WHOLE = "release.json"
"""The statement of the release as a whole, which is signed once all gateways are verified."""
_MANIFEST, _PROVENANCE = "manifest.json", "provenance.dsse"
_LARGEST = 64 << 20  # bytes; a manifest of a hundred thousand paths has less
_ANEW = "write it anew: doit manifest --emit DIRECTORY"


@dataclass(frozen=True)
class ToSign:
    """What is to be signed for one gateway.

    Attributes:
        statement: of its provenance, not yet in an envelope.
    """

    gateway: str
    manifest: bytes = field(repr=False)
    statement: bytes = field(repr=False)

    @property
    def manifest_file(self) -> str:
        """The manifest's name in a request."""
        return f"{self.gateway}.{_MANIFEST}"

    @property
    def provenance_file(self) -> str:
        """The provenance's."""
        return f"{self.gateway}.{_PROVENANCE}"

    @property
    def files(self) -> dict[str, bytes]:
        """What travels, by file name."""
        return {self.manifest_file: self.manifest, self.provenance_file: pae(self.statement)}

    @property
    def signed(self) -> dict[str, bytes]:
        """What the key itself makes its signatures over, by the same file names."""
        return {**self.files, self.manifest_file: sshsig.to_be_signed(self.manifest, NAMESPACE)}


def write_request(
    directory: Path,
    wanted: Sequence[ToSign],
    public: bytes,
    *,
    release: str,
    key: str,
    whole: bytes | None = None,
) -> list[str]:
    """Write a request into a directory that is empty or does not exist; returns the commands that fulfil it.

    Args:
        public: the Ed25519 key that is to sign, 32 bytes.
        key: its name in ``keys.toml``.
        whole: the statement of the release, where it is ready.

    Raises:
        PipelineError: the directory holds something already, which could be taken for part of the request.
    """
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise PipelineError(f"{directory}: it is not an empty directory", "name one that does not exist yet")
    files = {name: content for one in wanted for name, content in one.files.items()}
    if whole is not None:
        files[WHOLE] = whole
    request = {
        "format": FORMAT,
        "release": release,
        "key": key,
        "namespace": NAMESPACE,
        "gateways": [
            {"gateway": one.gateway, "sha256": {name: _sha256(content) for name, content in one.files.items()}}
            for one in wanted
        ],
        **({WHOLE: _sha256(whole)} if whole is not None else {}),
    }
    commands = list(_commands([one.gateway for one in wanted], whole=whole is not None))
    line = sshsig.allowed_signer_line(key, public, NAMESPACE).split()
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        write_atomically(directory / name, content, 0o644)
    write_atomically(directory / SIGNER, f"{' '.join(line[2:])} {key}\n".encode(), 0o644)
    write_atomically(directory / COMMANDS, "".join(f"{command}\n" for command in commands).encode(), 0o644)
    # last, so that a directory with a request has all the request speaks of
    write_atomically(directory / REQUEST, canonical_json.dumps(request), 0o644)
    return commands


def _commands(gateways: Sequence[str], *, whole: bool) -> Iterator[str]:
    """What to type where the key is; KEY stands for its file."""
    yield "# In this directory, where the key is. Either with this pipeline, which checks what it signs:"
    yield "python -m pipeline.signing.offline . --key file:KEY"
    yield "# or with OpenSSH and OpenSSL (KEY.pem is the same key as PKCS #8):"
    if whole:
        yield shlex.join(["ssh-keygen", "-Y", "sign", "-f", "KEY", "-n", NAMESPACE, WHOLE])
    for name in gateways:
        yield shlex.join(["ssh-keygen", "-Y", "sign", "-f", "KEY", "-n", NAMESPACE, f"{name}.{_MANIFEST}"])
        file = f"{name}.{_PROVENANCE}"
        yield shlex.join(
            ["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", "KEY.pem", "-in", file, "-out", f"{file}.sig"]
        )


def is_release_request(directory: Path) -> bool:
    """Whether a directory holds a request for manifests, and not one for bundles."""
    try:
        value = canonical_json.loads(read_returned(directory / REQUEST, _LARGEST) or b"")
        return isinstance(value, dict) and value.get("format") == FORMAT
    except (PipelineError, ValueError):
        return False


def read_request(directory: Path) -> tuple[Ed25519PublicKey, tuple[ToSign, ...], bytes | None]:
    """The key a request is for and what it asks to sign: manifests with their provenances, the statement of a release.

    Nobody who can write a request gets anything else signed: a file must be what is listed, a manifest must be one that
    this version of the pipeline writes, a provenance what follows from its manifest, and a statement one of a release.

    Raises:
        PipelineError: every file that is not so, by name.
    """
    file = directory / REQUEST
    try:
        content = read_returned(file, _LARGEST)
        if content is None:
            raise PipelineError(f"{file}: cannot be read: not there", "name the directory of a request")
        request = cast(dict[str, Any], canonical_json.loads(content))
        listed = [
            (str(one["gateway"]), {str(k): str(v) for k, v in one["sha256"].items()}) for one in request["gateways"]
        ]
        whole = str(request.get(WHOLE, ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise PipelineError(f"{file}: it is not a signing request", _ANEW) from None
    problems: list[Problem] = []
    found: list[ToSign] = []
    for gateway, digests in listed:
        try:
            found.append(_read_one(directory, gateway, digests))
        except PipelineError as error:
            problems.extend(error.problems)
    statement = None
    if whole:
        statement = read_returned(directory / WHOLE, _LARGEST) or b""
        if _sha256(statement) != whole:
            problems.append(Problem(f"{file}: {WHOLE}: its file is missing or is not what it was", _ANEW))
        else:
            release_from_bytes(statement, name=str(directory / WHOLE))
    raise_if_any(problems)
    return _signer(directory / SIGNER), tuple(found), statement


def _read_one(directory: Path, gateway: str, digests: dict[str, str]) -> ToSign:
    names = (f"{gateway}.{_MANIFEST}", f"{gateway}.{_PROVENANCE}")
    contents = [read_returned(directory / name, _LARGEST) if "/" not in name else None for name in names]
    raise_if_any(
        Problem(f"{directory / REQUEST}: {ascii(name)[1:-1]}: its file is missing or is not what it was", _ANEW)
        for name, content in zip(names, contents, strict=True)
        if content is None or _sha256(content) != digests.get(name)
    )
    manifest, provenance = (content or b"" for content in contents)
    described = from_bytes(manifest, name=names[0])
    if described.gateway != gateway:
        raise PipelineError(f"{directory / names[0]}: it is the manifest of {described.gateway}", _ANEW)
    payload = provenance[provenance.find(b"{") :]
    try:
        subjects = dict(subjects_of(payload))
    except ValueError:
        subjects = {}
    subjects.pop(described.image.file, None)
    if (
        subjects.get(_MANIFEST) != _sha256(manifest)
        or statement(described, subjects) != payload
        or pae(payload) != provenance
    ):
        raise PipelineError(f"{directory / names[1]}: it is not the provenance of {names[0]}", _ANEW)
    return ToSign(gateway, manifest, payload)


def _signer(path: Path) -> Ed25519PublicKey:
    text = (read_returned(path, _LARGEST) or b"").decode("ascii", "replace")
    signers = parse_allowed_signers(f"signer {text.strip()}", str(path)) if text.strip() else ()
    if len(signers) != 1:
        raise PipelineError(f"{path}: it does not hold exactly one Ed25519 public key", _ANEW)
    return Ed25519PublicKey.from_public_bytes(signers[0].public)


def write_signatures(directory: Path, item: ToSign, signatures: dict[str, bytes], public: Ed25519PublicKey) -> None:
    """Put raw signatures beside what they are of, each in its form.

    Args:
        signatures: by file name.
    """
    for name, signature in signatures.items():
        armored = sshsig.armor(public.public_bytes_raw(), NAMESPACE, signature)
        content = armored if name == item.manifest_file else signature
        write_atomically(directory / f"{name}.sig", content, 0o644)


def write_whole(directory: Path, signature: bytes, public: Ed25519PublicKey) -> None:
    """Put the signature of a whole release beside its statement, in its form."""
    content = sshsig.armor(public.public_bytes_raw(), NAMESPACE, signature)
    write_atomically(directory / f"{WHOLE}.sig", content, 0o644)


def take_signatures(
    directory: Path,
    wanted: Sequence[ToSign],
    public: Ed25519PublicKey,
    store: SignatureStore,
    *,
    whole: bytes | None = None,
) -> tuple[list[str], list[str]]:
    """Take back what was signed; returns the files whose signature was taken, and those that still have none.

    What is wanted is known here; nothing of the request is read again. All signatures are checked with the release's
    own public key before the first is kept.

    Raises:
        PipelineError: every signature in the directory that is none.
    """
    if not directory.is_dir():
        raise PipelineError(f"{directory}: no such directory", "name the one that came back from the signing station")
    problems: list[Problem] = []
    taken: dict[str, tuple[bytes, bytes]] = {}
    missing: list[str] = []
    signed = [(name, data, name == item.manifest_file) for item in wanted for name, data in item.signed.items()]
    if whole is not None:
        signed.append((WHOLE, sshsig.to_be_signed(whole, NAMESPACE), True))
    for name, data, armored in signed:
        try:
            signature = _returned(directory / f"{name}.sig", data, public, armored=armored)
        except PipelineError as error:
            problems.extend(error.problems)
            continue
        if signature is not None:
            taken[name] = (data, signature)
        elif store.find(data, public) is None:
            missing.append(name)
    raise_if_any(problems)
    for data, signature in taken.values():
        store.keep(data, signature)
    return list(taken), missing


def _returned(path: Path, data: bytes, public: Ed25519PublicKey, *, armored: bool) -> bytes | None:
    """The raw signature that came back, checked; None when none did."""
    content = read_returned(path, _LARGEST)
    if content is None:
        return None
    signature = _raw(content, path, public) if armored else content
    if not is_valid(public, signature, data):
        raise PipelineError(
            f"{path}: it is not a signature of this release's {path.stem} by {_named(public)}",
            f"sign the file that doit manifest --emit writes now, as {COMMANDS} beside it says",
        )
    return signature


def _raw(content: bytes, path: Path, public: Ed25519PublicKey) -> bytes:
    found = sshsig.dearmored(content, str(path))
    if found.public != public.public_bytes_raw():
        raise PipelineError(
            f"{path}: it was made by {sshsig.fingerprint(found.public)}, not by {_named(public)}",
            "sign with the key of the public file in keys.toml, or correct that",
        )
    if (found.namespace, found.algorithm) != (NAMESPACE, "sha512"):
        raise PipelineError(
            f"{path}: it was made for {ascii(found.namespace)[:80]} with {found.algorithm}",
            f"ssh-keygen -Y sign -f KEY -n {NAMESPACE} FILE, without further options",
        )
    return found.raw


def _named(public: Ed25519PublicKey) -> str:
    return sshsig.fingerprint(public.public_bytes_raw())


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
