"""What people want to find quickly in a manifest: accounts, ports, services."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import asdict

from pipeline.formats.ssh import ssh_public_key
from pipeline.model.gateway import Gateway
from pipeline.model.release import Release
from pipeline.model.trust import GatewaySecrets
from pipeline.model.vanilla import Vanilla
from pipeline.rules.expectations import decisions_of


def facts_of(vanilla: Vanilla, release: Release, gateway: Gateway, secrets: GatewaySecrets) -> dict[str, object]:
    """JSON values without secrets; public host keys are named by their text, not by a digest of the private half."""
    return {
        "console": {
            "ports": list(vanilla.layout.console_ports),
            "reachable_from": list(release.firewall.vpn),
            "username": release.console.username,
        },
        "decisions": decisions_of(release),
        "host_keys": sorted(" ".join(key.public.split()[:2]) for key in secrets.host_keys),
        "init": vanilla.init,
        "interfaces": {
            name: {"address": interface.address, "method": interface.method, "state": interface.state}
            for name, interface in sorted(gateway.interfaces.items())
        },
        "os_release": {
            key: vanilla.os_release[key] for key in ("ID", "VERSION_ID", "PRETTY_NAME") if key in vanilla.os_release
        },
        "secrets": {
            "derivation": release.secrets_derivation,
            "generation": release.secrets_generation,
            "product": release.product_name,
        },
        "services_disabled": sorted(release.services.disabled),
        "ssh": {"passwords": False, "port": release.ssh.port, "root_login": False, "use_pam": release.ssh.use_pam},
        "users": {
            user.name: {"keys": len(user.keys), "sudo": user.sudo, "uid": user.uid}
            for user in (*release.accounts.users, *gateway.users)
        },
    }


# Keys that came with later versions: what nobody gave is not said, so that manifests stay as they were.
_LATER = frozenset({"mac", "imei", "iccid", "client_id", "site", "labels"})


def row_of(gateway: Gateway) -> dict[str, object]:
    """What the inventory says of a gateway and may be published.

    Of users' keys the fingerprints, because lines of keys carry names of people; of variables the names only, because
    a template marked secret may be filled from one.
    """
    row = asdict(gateway)
    row["interfaces"] = dict(sorted(row["interfaces"].items()))
    row["users"] = [{**asdict(user), "keys": [_fingerprint(line) for line in user.keys]} for user in gateway.users]
    row["variables"] = sorted(gateway.variables)
    return {key: value for key, value in row.items() if value or key not in _LATER}


def _fingerprint(line: str) -> str:
    """As ``ssh-keygen -l`` prints it."""
    digest = hashlib.sha256(ssh_public_key.parse(line).blob).digest()
    return "SHA256:" + base64.b64encode(digest).decode("ascii").rstrip("=")
