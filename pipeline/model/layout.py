"""Where each product generation keeps its files."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.model.guest_path import GuestPath


@dataclass(frozen=True)
class Layout:
    """One generation of ESF or Kura; read from ``pipeline/layouts/*.toml``.

    Attributes:
        name: of the layout, such as ``esf-5``.
        versions: version prefixes it is for, such as ``5.0``; matched against ``kura.version`` or the ESF version.
        generation: ``A`` (Kura 3), ``B`` (Kura 4) or ``C`` (Kura 5 and later), which decides how snapshots are read.
        root: the installation, usually a symbolic link to the versioned directory.
        certificates: the keystore of bundle and message signing; None where the generation has none, or where nobody
            has published its place: then `lacks_certificates`.
        kuranet: the network side file; None from Kura 5.1.
        network_truth: ``files`` (Linux files are read at boot) or ``snapshot``; ``none`` for an installation that says
            it administers no network (``kura.have.net.admin=false``: Kura's network-less profiles).
        console_auth: ``plain`` (console.password.value) or ``useradmin`` (Base64 SHA-256 credentials).
        keystore_model: ``property`` (ssl.keystore.password) or ``service`` (keystore.password per KeystoreService).
        restore: the factory-restore directory.
        markers: files or directories that an installation of these versions has and others lack; asked when an image is
            looked at, so that a version that is stated wrongly does not go unnoticed.
        policy: None where the product has no security policy (open-source Kura).
        owner: numeric uid and gid of the process that reads the files, in the vanilla image ``0`` for root; a name is
            looked up in the image.
        framework_accepts_ec: the OSGi framework is known to take bundles signed with EC keys (Equinox 3.17 and later).
        framework_accepts_sha384: it takes whatever the JDK's jarsigner writes, SHA-384 and signed attributes among it
            (Equinox 3.18 and later on a JDK that knows them; Kura 6).
    """

    name: str
    product: str
    versions: tuple[str, ...]
    generation: str
    root: GuestPath
    snapshots: GuestPath
    packages: GuestPath
    dpa: GuestPath
    properties: GuestPath
    custom_properties: GuestPath
    policy: GuestPath | None
    policy_backup: GuestPath | None
    cacerts: GuestPath
    certificates: GuestPath | None
    kuranet: GuestPath | None
    restore: GuestPath
    start_scripts: tuple[GuestPath, ...]
    network_truth: str
    console_auth: str
    console_ports: tuple[int, ...]
    keystore_model: str
    owner: str
    markers: tuple[GuestPath, ...] = ()
    framework_accepts_ec: bool = False
    framework_accepts_sha384: bool = False

    @property
    def administers_network(self) -> bool:
        """Whether the framework has network and firewall in its hands at all."""
        return self.network_truth != "none"

    @property
    def lacks_certificates(self) -> bool:
        """Whether there is such a keystore, for the policy asks for signatures, in a place that is not known."""
        return self.certificates is None and self.policy is not None and self.keystore_model == "property"
