"""``gateway.toml``: what a release is made of, and its decisions. The shipped file documents every key."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path

from pipeline.errors import Problem, raise_if_any
from pipeline.inputs.bootloader_section import read_bootloader
from pipeline.inputs.recipients import read_recipients
from pipeline.inputs.rules_section import read_rules
from pipeline.inputs.signing_section import read_signing
from pipeline.inputs.toml_table import Table, load
from pipeline.inputs.trust_sections import read_given, read_keystores, read_policy
from pipeline.inputs.users import read_users
from pipeline.model.release import (
    DEMOS,
    Accounts,
    Console,
    Firewall,
    Output,
    Release,
    Services,
    Ssh,
)

# ZIP and FAT count from 1980 (PKWARE APPNOTE 4.4.6); ext4 with 128 byte inodes ends in 2038, /etc/shadow never does.
_FIRST_EPOCH = 315_532_800
_LAST_EPOCH = 2_147_483_647

NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
ROOT = r"[1-9][0-9]{0,2}|(?:LABEL|UUID|PARTUUID|PARTLABEL)=[^\s\0-\x1f\x7f]{1,64}"
_PATTERN = r"[A-Za-z0-9-]*(\{(serial|mac|client_id)\}[A-Za-z0-9-]*)+"
_PATH = r"[^\0-\x1f\x7f]+"
_SERVICE = r"[A-Za-z0-9][A-Za-z0-9@._-]{0,63}"
_ACCOUNT = r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}"


def read_release(path: Path, environ_epoch: str | None) -> Release:
    """Read and check a release file.

    Args:
        environ_epoch: text of SOURCE_DATE_EPOCH, which goes before ``[release] epoch``; None when it is not set.

    Raises:
        PipelineError: everything that is wrong with the file, each with its key.
    """
    problems: list[Problem] = []
    release = release_in(Table(str(path), load(path, "release file"), problems), path.parent, environ_epoch)
    raise_if_any(problems)
    return release


def release_in(root: Table, base: Path, environ_epoch: str | None = None) -> Release:
    """What the top table of a release file says; what is wrong is noted with it.

    Args:
        base: directory that paths are relative to.
    """
    head = root.table("release")
    vanilla = root.table("vanilla")
    golden = root.table("golden")
    gateways = root.table("gateways")
    overlays = root.table("overlays")
    keys = root.table("keys")
    secrets = root.table("secrets")
    command = root.table("command")
    release = Release(
        name=head.text("name", form=NAME, meaning="a name that can be a directory"),
        epoch=_epoch(head, environ_epoch),
        production=head.boolean("production", default=False),
        demo=head.variant("demo", DEMOS),
        vanilla=vanilla.text("image", form=_PATH, meaning="a path"),
        vanilla_sha256=vanilla.text("sha256", "", form=r"[0-9a-f]{64}", meaning="64 lower-case hex digits"),
        vanilla_root=vanilla.text("root", "", form=ROOT, meaning="a partition: 2, LABEL=…, PARTUUID=… as in fstab"),
        golden=golden.text("export", form=_PATH, meaning="a path"),
        golden_lock=golden.text("lock", "golden.lock", form=_PATH, meaning="a path"),
        golden_esf_version=_golden_version(golden),
        devices=gateways.text("file", form=_PATH, meaning="a path"),
        device_names=gateways.text("names", "", form=_PATTERN, meaning="a pattern such as gw-{serial}"),
        overlays=overlays.texts("directories", form=_PATH, meaning="a path"),
        keys=keys.text("file", form=_PATH, meaning="a path"),
        layout=vanilla.text("layout", "auto", form=NAME, meaning="the name of a layout, or auto"),
        bundle_key=keys.text("bundle", form=NAME, meaning="the name of a key"),
        manifest_key=keys.text("manifest", form=NAME, meaning="the name of a key"),
        secrets_source=secrets.text("source", form=r"[a-z][a-z0-9+]*:[^\0-\x1f\x7f]+", meaning="a URI such as file:…"),
        secrets_generation=secrets.integer("generation", 1, 1, 1_000_000),
        secrets_derivation=secrets.integer("derivation", 2, 1, 2),
        product=head.text("product", "", form=NAME, meaning="a name without blanks"),
        secrets_given=read_given(secrets),
        recipients=read_recipients(secrets),
        secrets_identity=secrets.text("identity", "", form=_PATH, meaning="a path"),
        command_enabled=command.boolean("enabled", default=False),
        ssh=_ssh(root.table("ssh")),
        firewall=_firewall(root.table("firewall")),
        accounts=_accounts(root.table("accounts"), base),
        services=_services(root.table("services")),
        bootloader=read_bootloader(root.table("bootloader")),
        console=_console(root.table("console")),
        policy=read_policy(root.table("policy")),
        keystores=read_keystores(root.table("keystores")),
        output=_output(root.table("output")),
        signing=read_signing(keys, root.table("signing")),
        rules=read_rules(root.table("rules")),
    )
    if release.secrets_derivation > 1 and release.product_in_doubt:
        head.wrong(
            "product",
            f"is missing, and cannot be told from the name {release.name}",
            f'name what all releases of the product have in common, such as product = "{release.product_name}": '
            "secrets are derived with it (docs/guide/secrets.md)",
        )
    for table in (head, vanilla, golden, gateways, overlays, keys, secrets, command, root):
        table.close()
    return release


def _golden_version(table: Table) -> str:
    """The release of the golden sample, by the name of its product; empty when nobody decided it."""
    form, meaning = r"\d+(\.\d+){1,3}", "a version such as 5.0.0"
    esf, kura = (table.text(key, "", form=form, meaning=meaning) for key in ("esf_version", "kura_version"))
    if esf and kura:
        table.wrong("kura_version", "stands beside esf_version", "write the one of the two that the gateway runs")
    return esf or kura


def _epoch(table: Table, environment: str | None) -> int:
    """The build's only clock; a SOURCE_DATE_EPOCH that is not understood must not be passed over."""
    written = table.integer("epoch", None, _FIRST_EPOCH, _LAST_EPOCH)
    if environment is None:
        return written
    if re.fullmatch(r"[0-9]{1,12}", environment, re.ASCII) and _FIRST_EPOCH <= int(environment) <= _LAST_EPOCH:
        return int(environment)
    table.problems.append(
        Problem(
            "environment variable SOURCE_DATE_EPOCH: not a number of seconds since 1970 between 1980 and 2038",
            "unset it, or set it to what `git log -1 --format=%ct` prints",
        )
    )
    return written


def _ssh(table: Table) -> Ssh:
    ssh = Ssh(
        port=table.integer("port", 49153, 49152, 65535),  # A:76
        use_pam=table.boolean("use_pam", default=False),
    )
    table.close()
    return ssh


def _firewall(table: Table) -> Firewall:
    networks = table.texts(
        "vpn", ("10.234.0.0/16",), form=r"[0-9a-fA-F.:]+/\d{1,3}", meaning="a network such as 10.0.0.0/8"
    )
    for number, text in enumerate(networks, 1):
        try:
            network = ipaddress.ip_network(text)
        except ValueError as error:
            table.wrong(f"vpn[{number}]", f"is not a network: {error}", "give address and prefix, host bits zero")
        else:
            if network.prefixlen == 0:
                table.wrong(f"vpn[{number}]", "is the whole Internet", "give the networks of the VPN only (A:115)")
    if not networks:
        table.wrong("vpn", "no network, so nobody could reach the console", "give the network of the VPN")
    ports: list[int] = []
    for number, value in enumerate(table.items("closed_ports", (8000, 1450)), 1):
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 65535:
            table.wrong(f"closed_ports[{number}]", "is not a port", "give numbers from 1 to 65535")
        else:
            ports.append(value)
    for port in (8000, 1450):  # A:113
        if port not in ports:
            table.wrong("closed_ports", f"{port} must be among them (A:113)", "add it")
    table.close()
    return Firewall(vpn=networks, closed_ports=tuple(ports))


def _accounts(table: Table, base: Path) -> Accounts:
    accounts = Accounts(
        root=table.choice("root", "password", ("password", "locked")),
        users=read_users(table.tables("users"), base),
    )
    table.close()
    return accounts


def _services(table: Table) -> Services:
    services = Services(
        disabled=table.texts("disabled", ("avahi-daemon",), form=_SERVICE, meaning="the name of a service"),
        sysrq=table.integer("sysrq", 0, 0, 511),
    )
    for name in services.disabled:
        if name in ("ssh", "sshd"):
            table.wrong("disabled", f"{name} is the only way to log in", "remove it from the list")
    table.close()
    return services


def _console(table: Table) -> Console:
    console = Console(table.text("username", "admin", form=_ACCOUNT, meaning="a user name"))
    table.close()
    return console


def _output(table: Table) -> Output:
    output = Output(
        compress=table.choice("compress", "none", ("none", "gz", "xz", "zst")),
        writer=table.choice("writer", "auto", ("auto", "stamp", "guestfs")),
        form=table.choice("form", "auto", ("auto", "images", "fleet")),
    )
    table.close()
    return output
