"""The answers that a new workspace needs: inputs, gateways, who may log in. All problems are reported at once."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import Problem
from pipeline.inputs.inventory_file import HOST, SERIAL
from pipeline.inputs.release_file import NAME, ROOT
from pipeline.inputs.toml_table import Table
from pipeline.inputs.users import NAME as USER
from pipeline.inputs.users import read_users

_PRINCIPAL = r"[A-Za-z0-9._@+-]+"
_MOST_NUMBERED = 9999


@dataclass(frozen=True)
class Answers:
    """What was asked, or given by options.

    Attributes:
        directory: of the workspace.
        vanilla / export: the inputs, from where the command was typed.
        root: partition of the root file system, where there are several; empty for the only one.
        name: of the release.
        gateways: name and serial of each; the serial may be empty.
        user / user_keys: who may log in, and the public keys.
        vpn: networks from which the console may be reached.
        principal: who signs manifests, an address.
        subject: distinguished name of the certificate that signs bundles.
        csv: the inventory is to be a spreadsheet's.
    """

    directory: Path
    vanilla: Path
    export: Path
    name: str
    gateways: tuple[tuple[str, str], ...]
    user: str
    user_keys: tuple[str, ...]
    vpn: tuple[str, ...]
    principal: str
    subject: str
    root: str = ""
    csv: bool = False


def gateways_of(text: str) -> tuple[tuple[str, str], ...]:
    """Gateways as somebody types them: ``gw-1=SERIAL,gw-2``, or ``gw-[01-12]`` for numbers with so many digits."""
    found: list[tuple[str, str]] = []
    for part in filter(None, re.split(r"[,\s]+", text)):
        name, _, serial = part.partition("=")
        numbered = re.fullmatch(r"(.*)\[(\d{1,4})-(\d{1,4})\](.*)", name)
        if numbered is None or serial:
            found.append((name, serial))
            continue
        before, first, last, after = numbered.groups()
        found += [(f"{before}{number:0{len(first)}}{after}", "") for number in range(int(first), int(last) + 1)]
    return tuple(found[: _MOST_NUMBERED + 1])


def problems(answers: Answers) -> Iterator[Problem]:
    """What is wrong with answers by themselves; inputs are only looked for, not into."""
    for path, option in ((answers.vanilla, "--vanilla"), (answers.export, "--golden")):
        if not path.exists():
            yield Problem(f"{option}: {path} is not there", "give the path of the file, from here")
    if not re.fullmatch(NAME, answers.name):
        yield Problem(
            f"--name: {ascii(answers.name)} cannot be a directory", "use letters, digits, dot, dash: plant-1.0"
        )
    if answers.root and not re.fullmatch(ROOT, answers.root):
        yield Problem(f"--root: {ascii(answers.root)} is not a partition", "give 2, LABEL=…, PARTUUID=… as in fstab")
    yield from _gateway_problems(answers.gateways)
    yield from _people_problems(answers)
    for text in answers.vpn or ("",):
        try:
            if ipaddress.ip_network(text).prefixlen:
                continue
        except ValueError:
            pass
        yield Problem(f"--vpn: {ascii(text)} is not a network of a VPN", "give address and prefix: 10.234.0.0/16")


def _gateway_problems(gateways: Sequence[tuple[str, str]]) -> Iterator[Problem]:
    if not gateways:
        yield Problem(
            "--gateways: none", "name them: --gateways gw-1=SERIAL,gw-2, or numbered: --gateways 'gw-[01-12]'"
        )
    if len(gateways) > _MOST_NUMBERED:
        yield Problem(f"--gateways: more than {_MOST_NUMBERED}", "list them in a CSV file and name it in gateway.toml")
    for which, form, what in ((0, HOST, "a host name"), (1, SERIAL, "a serial number")):
        values = [gateway[which] for gateway in gateways if gateway[which]]
        for value in dict.fromkeys(values):
            if not re.fullmatch(form, value):
                yield Problem(f"--gateways: {ascii(value)} is not {what}", f"allowed form: {form}")
        for value in sorted({one for one in values if sum(other.lower() == one.lower() for other in values) > 1}):
            yield Problem(f"--gateways: {value} is there twice", "give each gateway its own")


def _people_problems(answers: Answers) -> Iterator[Problem]:
    found: list[Problem] = []
    row = {"name": answers.user, "uid": 1500, "keys": list(answers.user_keys)}
    read_users((Table("--user", row, found),), Path())
    yield from found
    if not re.fullmatch(USER, answers.user) and not found:
        yield Problem(f"--user: {ascii(answers.user)} is not a user name", f"allowed form: {USER}")
    if not re.fullmatch(_PRINCIPAL, answers.principal):
        yield Problem(f"--principal: {ascii(answers.principal)} is not an address", "such as release@example.com")
