"""Results of signing and of the secrets provider: inputs of the plan, never made by it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class SignedBundle:
    """A bundle inside a deployment package after signing.

    Attributes:
        signer_chain: subject distinguished names of the signature's chain, leaf first, RFC 4514.
        resigned: False when it came signed (by the vendor) and was left alone.
        signer_fingerprints: SHA-256 of the chain's certificates, in the same order.
    """

    name: str
    symbolic_name: str
    version: str
    sha256_before: str
    sha256_after: str
    signer_chain: tuple[str, ...]
    resigned: bool
    signer_fingerprints: tuple[str, ...] = ()


@dataclass(frozen=True)
class SignedPackage:
    """A deployment package whose inner bundles are signed; the outer archive never is."""

    file_name: str
    symbolic_name: str
    version: str
    content: bytes = field(repr=False)
    sha256_before: str
    bundles: tuple[SignedBundle, ...]


@dataclass(frozen=True)
class PlatformBundle:
    """A bundle that came with the vanilla image, as the gateway's framework will see it.

    Attributes:
        path: in the image.
        signer_chain: subject distinguished names, leaf first, RFC 4514; empty with a problem.
        signer_fingerprints: SHA-256 of the chain's certificates, in the same order.
        problem: why the framework takes it for unsigned; empty when it does not.
    """

    path: str
    signer_chain: tuple[str, ...] = ()
    signer_fingerprints: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class Certificate:
    """A certificate by alias.

    Attributes:
        der: the certificate.
        subject: RFC 4514 text.
        sha256: fingerprint, hex digits.
        not_after: seconds since 1970.
        development: made for the demo; refused by a production release.
    """

    alias: str
    der: bytes = field(repr=False)
    subject: str
    sha256: str
    not_before: int
    not_after: int
    development: bool = False


@dataclass(frozen=True)
class Trust:
    """What the plan needs of signing.

    Attributes:
        packages: signed deployment packages in the order of their file names.
        signer_chain: our bundle signer, leaf first up to the root.
        tls: further certificates for the TLS keystore.
        signers: certificates of others who sign bundles, for the keystore of signers.
    """

    packages: tuple[SignedPackage, ...]
    signer_chain: tuple[Certificate, ...]
    tls: tuple[Certificate, ...] = ()
    signers: tuple[Certificate, ...] = ()


@dataclass(frozen=True)
class HostKey:
    """An SSH host key pair: OpenSSH private key file and public line."""

    algorithm: str
    private: bytes = field(repr=False)
    public: str


@dataclass(frozen=True)
class HttpsIdentity:
    """What a gateway's console shows itself with: private key as PKCS #8, certificate, password of their keystore."""

    pkcs8: bytes = field(repr=False)
    certificate: bytes = field(repr=False)
    password: str = field(repr=False)


@dataclass(frozen=True)
class ClientIdentity:
    """A gateway's own key for mutual TLS: private key as PKCS #8, certificates as DER, leaf first up to the root."""

    alias: str
    pkcs8: bytes = field(repr=False)
    chain: tuple[bytes, ...] = field(repr=False)


@dataclass(frozen=True)
class GatewaySecrets:
    """Everything secret or personal of one gateway, derived or given before the plan.

    Attributes:
        root_hash: ``$6$…`` for /etc/shadow; ``*`` when root has no password.
        machine_id: 32 hex digits.
        salt_seed: bytes from which deterministic salts and synthetic IVs are taken.
        https: for products whose console speaks HTTPS by itself.
        client_keys: for mutual TLS.
        encryption_key: 32 letters and digits, with which Kura encrypts what it stores.
    """

    root_hash: str = field(repr=False)
    console_password: str = field(repr=False)
    certificates_password: str = field(repr=False)
    cacerts_password: str = field(repr=False)
    wifi_passphrase: str = field(repr=False)
    machine_id: str = field(repr=False)
    host_keys: tuple[HostKey, ...] = field(repr=False)
    salt_seed: bytes = field(repr=False)
    https: HttpsIdentity | None = field(default=None, repr=False)
    client_keys: tuple[ClientIdentity, ...] = field(default=(), repr=False)
    encryption_key: str = field(default="", repr=False)
