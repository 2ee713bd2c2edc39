"""Keys and certificates as files of a workspace: made, asked for, taken back; what exists is never replaced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

from pipeline.errors import PipelineError, raise_if_any
from pipeline.host.digests import write_atomically
from pipeline.host.named_files import read_named
from pipeline.signing.keys.certificates import (
    SignsBundles,
    fitting_period,
    issued,
    ordered_chain,
    request,
    self_signed,
)
from pipeline.signing.keys.passphrase import PROMPT, read_passphrase
from pipeline.signing.keys.private_file import make_once, sweep_unfinished
from pipeline.signing.keys.private_keys import load_private_key
from pipeline.signing.keys.signers import chain_problems, read_certificates, weakness
from pipeline.signing.keys.token_rsa import open_token_rsa


@dataclass(frozen=True)
class KeyFiles:
    """The files of one key below a directory of keys; only the first is secret.

    Attributes:
        passphrase: source of the private key's passphrase or the token's PIN, counted from the current directory; empty
            for none.
        uri: of a key that is there already, in a file, a variable or a token; empty for one that is made here.
    """

    directory: Path
    name: str
    passphrase: str = ""
    uri: str = ""

    @property
    def private(self) -> Path:
        """The private key, PKCS #8 in PEM, mode 0600."""
        return self.directory / "private" / f"{self.name}.pem"

    @property
    def certificate(self) -> Path:
        """Its certificates in PEM, leaf first."""
        return self.directory / f"{self.name}.crt"

    @property
    def request(self) -> Path:
        """Its signing request in PEM."""
        return self.directory / f"{self.name}.csr"

    def make(self, *, bits: int, elliptic: bool) -> SignsBundles:
        """Make the private key, or open the one that was named.

        Raises:
            PipelineError: there is a key or certificate of this name already.
        """
        key: SignsBundles
        self.sweep()
        if self.uri:
            self._refuse_twice()
            return self.open()
        if elliptic:
            key = ec.generate_private_key(ec.SECP256R1())
        else:
            key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
        encoded = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, self._encryption())
        self._refuse_twice()
        if not make_once(self.private, encoded):
            self._refuse_twice(also=True)
        return key

    def sweep(self) -> None:
        """Take away what a killed process left of these files."""
        for path in (self.private, self.certificate, self.request):
            sweep_unfinished(path)

    def _refuse_twice(self, *, also: bool = False) -> None:
        if also or self.certificate.exists():
            further = f", or make the certificate of this key: --key file:{self.private}"
            raise PipelineError(
                f"{self.private}: there is a key or certificate of this name already",
                f"give the new key another name{'' if self.certificate.exists() else further}",
            )

    def open(self) -> SignsBundles:
        """The private key."""
        uri, what = self.uri or f"file:{self.private.absolute()}", self.name if self.uri else str(self.private)
        key = open_certifying(uri, self.passphrase, what)
        weak = weakness(key.public_key())
        if weak:
            raise PipelineError(f"{what}: {weak}", "use RSA of 2048 bits or more (A:39)")
        return key

    def _encryption(self) -> KeySerializationEncryption:
        if not self.passphrase:
            return NoEncryption()
        secret = read_passphrase(self.passphrase, Path(), str(self.private))
        again = f"{self.private} (again)"
        if self.passphrase == PROMPT and read_passphrase(PROMPT, Path(), again) != secret:
            raise PipelineError(f"{self.private}: the two passphrases differ", "type the same twice")
        return BestAvailableEncryption(secret)


@dataclass(frozen=True)
class Authority:
    """A company's own authority: its key, and its certificates from its own up to the root."""

    key: str
    passphrase: str
    certificates: tuple[Path, ...]


def make_key(
    files: KeyFiles,
    subject: x509.Name,
    *,
    first: int,
    days: int,
    bits: int,
    elliptic: bool = False,
    authority: Authority | None = None,
    fit_first: bool = False,
    fit_days: bool = False,
) -> list[bytes]:
    """A key with a certificate, self-signed or issued by an authority; returns the chain as DER, leaf first.

    Args:
        fit_first / fit_days: nobody chose them, so they are taken from when the authority's whole chain is valid.

    Raises:
        PipelineError: the name is taken, or the authority's key, certificates or validity do not fit.
    """
    if authority is None:
        key = files.make(bits=bits, elliptic=elliptic)
        chain = [self_signed(key, subject, first=first, days=days).public_bytes(Encoding.DER)]
    else:
        what = f"authority {authority.key.partition(':')[0]}"
        above = [der for path in authority.certificates for der in read_certificates(path, what)]
        if not above:
            raise PipelineError(f"{what}: it needs its certificate", "name it with --ca-cert, its own first")
        upper = [x509.load_der_x509_certificate(der) for der in above]
        issuer = upper[0]
        if fit_first:
            first, fitting = fitting_period(upper, first, days)
            days = fitting if fit_days else days
        signing = open_certifying(authority.key, authority.passphrase, what, issuer.public_key())
        # tried with the authority's own key first: a key whose certificate cannot be issued would be left over
        issued(signing.public_key(), subject, signing, issuer, first=first, days=days)
        raise_if_any(chain_problems(what, above, signing.public_key()))
        key = files.make(bits=bits, elliptic=elliptic)
        leaf = issued(key.public_key(), subject, signing, issuer, first=first, days=days)
        chain = [leaf.public_bytes(Encoding.DER), *above]
    _keep(files, chain)
    return chain


def open_certifying(uri: str, passphrase: str, what: str, public: object = None) -> SignsBundles:
    """A key that makes certificates or requests, from ``file:``, ``env:`` or a token (``pkcs11:``).

    Args:
        public: of its certificate, where there is one.

    Raises:
        PipelineError: it cannot be opened, or is of a kind that signs no certificates here.
    """
    if uri.startswith("pkcs11:"):
        known = public if isinstance(public, rsa.RSAPublicKey) else None
        return open_token_rsa(uri, passphrase, Path(), what, known)
    key = load_private_key(uri, passphrase, Path(), what)
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise PipelineError(f"{what}: it is neither an RSA nor an EC key", "use another one")
    return key


def make_request(files: KeyFiles, subject: x509.Name, *, bits: int, elliptic: bool = False) -> bytes:
    """A signing request, of a key that is made unless there is one; it may be made anew at any time."""
    files.sweep()
    key = files.open() if files.uri or files.private.exists() else files.make(bits=bits, elliptic=elliptic)
    content = request(key, subject)
    write_atomically(files.request, content, 0o644)
    return content


def take_certificates(files: KeyFiles, given: Sequence[Path]) -> list[bytes]:
    """Take back the certificates that came for a request, in any order; returns the chain, leaf first.

    Raises:
        PipelineError: they are not those of the key, not complete, or not fit for gateways.
    """
    files.sweep()
    found = {der for path in given for der in read_certificates(path, files.name)}
    public = _requested(files)
    raise_if_any(chain_problems(files.name, chain := ordered_chain(public, sorted(found), files.name), public))
    if files.certificate.exists():
        raise PipelineError(f"{files.certificate}: there is a certificate already", "move it away first")
    _keep(files, chain)
    return chain


def _requested(files: KeyFiles) -> rsa.RSAPublicKey | ec.EllipticCurvePublicKey:
    """The public key: of the request where there is one, so that nobody need open the private key."""
    if not files.request.exists():
        return files.open().public_key()
    try:
        public = x509.load_pem_x509_csr(read_named(files.request)).public_key()
    except (OSError, ValueError, TypeError):
        raise PipelineError(f"{files.request}: it is not a signing request", "make it anew: doit keys csr") from None
    if weakness(public) or not isinstance(public, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        raise PipelineError(f"{files.request}: {weakness(public)}", "make another key: doit keys csr")
    return public


def _keep(files: KeyFiles, chain: Sequence[bytes]) -> None:
    pem = b"".join(x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM) for der in chain)
    make_once(files.certificate, pem, mode=0o644)
