"""The decisions of a release, as read from ``gateway.toml``; plain values, defaults as the documents ask."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pipeline.model.gateway import User
from pipeline.model.recipient import Recipient
from pipeline.model.rule import Waiver

DEMOS = ("esf-5", "kura-5")
"""The demonstrations that ship, by the layout of the product they stand for."""


# A version at the end of a release's name: 1.0, v2, 2026.11, 1.0-rc1; and several numbers, such as a date or 7-1.0.
_VERSION = re.compile(r"[-_.]v?[0-9]+(\.[0-9]+)*([-_.]?(a|b|rc|alpha|beta)[0-9]*)?$")
_NUMBERS = re.compile(r"(^|[-_])v?[0-9][0-9.]*[-_]v?[0-9][0-9.]*([-_.]?(a|b|rc|alpha|beta)[0-9]*)?$")


@dataclass(frozen=True)
class Ssh:
    """SSH server (A:26 to A:86).

    Attributes:
        port: 49152 to 65535 (A:76).
        use_pam: the documents ask for ``no`` (A:72); today's benchmarks ask for ``yes``.
    """

    port: int = 49153
    use_pam: bool = False


@dataclass(frozen=True)
class Firewall:
    """What may be reached from outside (A:113, A:114).

    Attributes:
        vpn: networks from which the console may be reached, CIDR.
        closed_ports: never open, whatever the golden sample says.
    """

    vpn: tuple[str, ...] = ("10.234.0.0/16",)
    closed_ports: tuple[int, ...] = (8000, 1450)


@dataclass(frozen=True)
class Accounts:
    """Accounts of all gateways (A:11 to A:24).

    Attributes:
        root: ``password`` (each gateway its own strong one) or ``locked`` (none at all).
    """

    root: str = "password"
    users: tuple[User, ...] = ()


@dataclass(frozen=True)
class Services:
    """Services that are switched off (A:88)."""

    disabled: tuple[str, ...] = ("avahi-daemon",)
    sysrq: int = 0


@dataclass(frozen=True)
class OutsideEnvironment:
    """U-Boot's environment on another chip than the image; paths of the host, ``{gateway}`` is the gateway's name.

    Attributes:
        config: like ``/etc/fw_env.config``; empty for the image's own.
        dumps: each copy, or its whole device, as read from a gateway.
        defaults: ``name=value`` lines to make an environment from, instead of dumps.
    """

    config: str = ""
    dumps: tuple[str, ...] = ()
    defaults: str = ""


@dataclass(frozen=True)
class Bootloader:
    """U-Boot (A:90).

    Attributes:
        bootdelay: seconds; 0 as the documents ask still takes a key press, -2 does not.
        environment: path in the image of the environment file, or of a ``fw_env.config`` that says where on the disk
            it lies; empty when it is in no file.
        offsets: of the copies of a raw environment in the disk image, bytes, from its end when negative.
        size: bytes of one such copy.
        outside: where it lies outside the image, and what is to be written there.
    """

    bootdelay: int = 0
    environment: str = "/boot/uboot.env"
    offsets: tuple[int, ...] = ()
    size: int = 0
    outside: OutsideEnvironment | None = None


@dataclass(frozen=True)
class Console:
    """Gateway administration console (A:115); the password is each gateway's own."""

    username: str = "admin"


@dataclass(frozen=True)
class PolicyRow:
    """A further policy of the release, with the permissions the documents list (B:174 to B:219).

    Attributes:
        signer: pattern of distinguished names, leaf first, as of OSGi's BundleSignerCondition.
        permissions: each a class name, a target name and actions; the latter two may be missing.
        access: ``ALLOW`` or ``DENY``.
    """

    name: str
    signer: str
    permissions: tuple[tuple[str, ...], ...]
    access: str = "ALLOW"


@dataclass(frozen=True)
class Policy:
    """Security policy (A:112, B:223 to B:229).

    Attributes:
        vendor_signers: distinguished name patterns of the vendor's bundle signers.
        keep_golden: also keep the golden policy's rows that admit further signers.
        source: ``generated`` from these decisions, or ``golden``: the golden sample's, without what admits everybody.
        rows: further policies; they go before the vendor's and ours, because the first that decides wins.
    """

    vendor_signers: tuple[str, ...] = ()
    keep_golden: bool = False
    source: str = "generated"
    rows: tuple[PolicyRow, ...] = ()


DERIVED = "derived:p256"
"""A client key that comes from the fleet secret: on P-256, because RSA keys of one seed differ with the library."""


@dataclass(frozen=True)
class ClientKey:
    """A gateway's own key for mutual TLS, as files name it; ``{gateway}`` stands for the gateway's name.

    Attributes:
        key: URI of the private key, or `DERIVED`.
        passphrase: URI of its passphrase; empty when it has none.
        certificates: PEM files of its chain, leaf first up to the root; empty where a derived key issues its own.
    """

    alias: str
    key: str
    certificates: tuple[str, ...]
    passphrase: str = ""


@dataclass(frozen=True)
class Keystores:
    """Base keystores (A:206 to A:229, B:480 to B:553).

    Attributes:
        certificates: path in the image of the keystore of bundle signers, where the layout does not know it; empty
            where it does.
        certificates_password / cacerts_password: of the vendor's base keystores; public defaults.
        trusted_tls: PEM files with further broker certificates, by alias.
        trusted_signers: PEM files with certificates of others who sign bundles, by alias.
        replaced: aliases of the vendor's keystores whose certificate may be replaced by ours.
        client_keys: go into ``cacerts.ks`` of each gateway.
    """

    certificates_password: str = field(default="defaultPassword", repr=False)
    cacerts_password: str = field(default="changeit", repr=False)
    trusted_tls: Mapping[str, str] = field(default_factory=dict)
    replaced: tuple[str, ...] = ()
    client_keys: tuple[ClientKey, ...] = ()
    certificates: str = ""
    trusted_signers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Signing:
    """How bundles are signed (B:439 to B:617).

    Attributes:
        resign: bundles that come signed: ``refuse`` them, ``replace`` their signatures by ours, ``keep`` the vendor's.
        timestamp_url / timestamp_command: RFC 3161 authority; both empty for no timestamps.
        timestamps: directory of the tokens, which are inputs of the build; path relative to ``gateway.toml``.
    """

    resign: Literal["refuse", "replace", "keep"] = "refuse"
    timestamp_url: str = ""
    timestamp_command: tuple[str, ...] = ()
    timestamps: str = "keys/timestamps"


@dataclass(frozen=True)
class Output:
    """What comes out: ``none``, ``gz``, ``xz`` or ``zst`` compression, and who stamps the device layer.

    Attributes:
        form: ``images``, one whole image for each gateway; ``fleet``, a base and a delta for each; or ``auto``.
    """

    compress: str = "none"
    writer: str = "auto"
    form: str = "auto"


@dataclass(frozen=True)
class Rules:
    """By which rules images are judged.

    Attributes:
        profile: ``documents``, or ``strict`` with what public benchmarks ask for besides.
        also: single rules on top of the profile.
        approved_os: system releases that will do (A:105): ``debian 12``, a ``VERSION_ID`` or an image version.
        root_by_people: somebody must be able to become root; False is the explicit choice that nobody can.
    """

    profile: str = "documents"
    also: tuple[str, ...] = ()
    approved_os: tuple[str, ...] = ()
    root_by_people: bool = True
    waivers: tuple[Waiver, ...] = ()


@dataclass(frozen=True)
class Release:
    """One release: the inputs it is made of, and every decision.

    Attributes:
        epoch: seconds since 1970, the only clock of the build.
        production: refuses development keys.
        demo: which of the demonstrations that ship (`DEMOS`), whose inputs are made on first run; empty for none.
        vanilla / golden / devices / overlays / keys: paths as written in ``gateway.toml``, relative to it.
        vanilla_sha256: pinned digest of the vanilla image file, or empty.
        vanilla_root: which partition holds the root file system where several do, as in fstab; empty where one does.
        golden_lock: reviewed decisions about everything in the golden sample's export.
        command_enabled: remote command execution (A:117); off unless chosen.
        secrets_source: URI of the fleet secret, such as ``file:.demo/secrets/fleet.key``.
        secrets_derivation: format of the derivation: 2 takes the product's name into it, 1 keeps what fleets have.
        product: what all releases of one product have in common; empty takes it from the release's name.
        device_names: pattern of host names for gateways whose row has none, such as ``gw-{serial}``; or empty.
        secrets_given: URI of what a gateway has been given, with ``{gateway}`` for its name, or empty.
        recipients: roles that are handed secrets, each some of them.
        secrets_identity: file of the identity that opens age-encrypted ones, or empty.
    """

    name: str
    epoch: int
    production: bool
    vanilla: str
    vanilla_sha256: str
    golden: str
    golden_esf_version: str
    devices: str
    overlays: tuple[str, ...]
    keys: str
    layout: str
    bundle_key: str
    manifest_key: str
    secrets_source: str
    demo: str = ""
    golden_lock: str = "golden.lock"
    vanilla_root: str = ""
    secrets_generation: int = 1
    secrets_derivation: int = 2
    product: str = ""
    device_names: str = ""
    secrets_given: str = ""
    secrets_identity: str = ""
    recipients: tuple[Recipient, ...] = ()
    command_enabled: bool = False
    ssh: Ssh = field(default_factory=Ssh)
    firewall: Firewall = field(default_factory=Firewall)
    accounts: Accounts = field(default_factory=Accounts)
    services: Services = field(default_factory=Services)
    bootloader: Bootloader = field(default_factory=Bootloader)
    console: Console = field(default_factory=Console)
    policy: Policy = field(default_factory=Policy)
    keystores: Keystores = field(default_factory=Keystores)
    output: Output = field(default_factory=Output)
    signing: Signing = field(default_factory=Signing)
    rules: Rules = field(default_factory=Rules)

    @property
    def product_name(self) -> str:
        """The product's name: as given, or the release's without the version at its end (``demo`` of ``demo-1.0``)."""
        return self.product or _VERSION.sub("", self.name) or self.name

    @property
    def product_in_doubt(self) -> bool:
        """Whether a release's name ends in several numbers, so that nobody can say which belong to the version."""
        numbers = _NUMBERS.search(self.name) is not None or self.name[:1].isdigit()
        return numbers and not self.product
