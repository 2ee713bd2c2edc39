"""The files of a new workspace as text. ``gateway.toml`` is the commented one that ships, with other values."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from importlib import resources

from pipeline.formats.toml_string import quoted
from pipeline.setup.answers import Answers
from pipeline.setup.proposal import Proposal

DODO = '"""The images of our gateways: `doit build`."""\n\nfrom pipeline.tasks import *  # noqa: F403\n'

IGNORED = """\
# made by the build; what is secret, and what the documented steps leave
/.build/
/out/
.doit*
/keys/private/
/secrets/
*.key
/handover/
*.secrets
*.age
/export/
/requests/
"""

TAPLO = """\
# For editors (Even Better TOML, taplo): keys are completed and checked while they are typed.
[[rule]]
include = ["gateway.toml"]
[rule.schema]
path = "{place}/gateway.schema.json"

[[rule]]
include = ["devices.toml"]
[rule.schema]
path = "{place}/devices.schema.json"

[[rule]]
include = ["**/overlay.toml"]
[rule.schema]
path = "{place}/overlay.schema.json"

[[rule]]
include = ["keys/keys.toml"]
[rule.schema]
path = "{place}/keys.schema.json"
"""

_DEVICES = """\
# The gateways of the release, one [[gateway]] each. Unknown keys are refused. What is not written here stays as the
# golden sample has it; docs/guide/inventory.md has every key. Of interfaces that have to differ:
#
#   [gateway.interfaces.eth0]
#   state = "lan"                       # lan, wan or disabled
#   method = "static"                   # dhcp, static, or ppp for a cellular interface
#   address = "192.168.11.1/24"
#   dhcp_range = ["192.168.11.100", "192.168.11.110"]
#
#   [gateway.variables]                 # for templates of overlays
#   site = "North pumping station"
"""

_KEYS = """\
# The keys the release signs with, by the names gateway.toml uses. No key stands in here, only where each one is. Keys
# may move to a token, or to a machine of their own: docs/guide/signing.md.

[bundle-signer]                 # signs the bundles inside deployment packages; its certificate goes onto gateways
use = "bundle"
key = "file:private/bundle-signer.pem"
certificates = ["bundle-signer.crt"]

[manifest-signer]               # signs manifests; QA gets the public half
use = "manifest"
key = "file:private/manifest-signer"
public = "manifest-signer.pub"
principal = {principal}
"""


def gateway_toml(answers: Answers, proposal: Proposal, *, vanilla: str, export: str, sha256: str, epoch: int) -> str:
    """The release file.

    Args:
        vanilla / export: paths as the workspace names them.
        sha256: of the image file.
    """
    text = resources.files("pipeline.setup").joinpath("commented.toml").read_text("utf-8")
    other = "esf_version" if proposal.version_key == "kura_version" else "kura_version"
    text = text.replace(
        'esf_version = "5.0.0"   # what the golden gateway runs, or kura_version;',
        f"{proposal.version_key} = {quoted(proposal.version)}   # what the golden gateway runs, or {other};",
    )
    text = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("demo = "))
    values: dict[tuple[str, str], str] = {
        ("release", "name"): quoted(answers.name),
        ("release", "epoch"): str(epoch),
        ("vanilla", "image"): quoted(vanilla),
        ("vanilla", "sha256"): quoted(sha256),
        ("golden", "export"): quoted(export),
        ("gateways", "file"): quoted("devices.csv" if answers.csv else "devices.toml"),
        ("secrets", "source"): quoted("file:secrets/fleet.key"),
        ("firewall", "vpn"): _array(answers.vpn),
        ("accounts.users", "name"): quoted(answers.user),
        ("accounts.users", "uid"): str(proposal.uid),
        ("accounts.users", "keys"): _array(answers.user_keys),
        ("policy", "vendor_signers"): _array(proposal.vendor_signers),
        ("rules", "approved_os"): _array([proposal.approved_os] if proposal.approved_os else []),
        ("bootloader", "environment"): quoted(proposal.environment),
    }
    if answers.root:
        values["vanilla", "root"] = quoted(answers.root)
    for (section, key), value in values.items():
        text = _with_value(text, section, key, value)
    return _without_value(text, "overlays", "directories")


def devices_toml(gateways: Sequence[tuple[str, str]]) -> str:
    """The inventory, with how to go on."""
    rows = [
        f"\n[[gateway]]\nname = {quoted(name)}\n"
        + (f"serial = {quoted(serial)}\n" if serial else '# serial = ""            # of the hardware\n')
        for name, serial in gateways
    ]
    return _DEVICES + "".join(rows)


def devices_csv(gateways: Sequence[tuple[str, str]]) -> str:
    """The same as a spreadsheet reads it; further columns: docs/guide/inventory.md."""
    target = io.StringIO()
    csv.writer(target, lineterminator="\n").writerows([("name", "serial"), *gateways])
    return target.getvalue()


def keys_toml(principal: str) -> str:
    """Where the keys are."""
    return _KEYS.format(principal=quoted(principal))


def texts(answers: Answers, release_file: str, schemas: str) -> Mapping[str, str]:
    """Every public file of the workspace by its path."""
    inventory = (
        {"devices.csv": devices_csv(answers.gateways)}
        if answers.csv
        else {"devices.toml": devices_toml(answers.gateways)}
    )
    return {
        "gateway.toml": release_file,
        **inventory,
        "keys/keys.toml": keys_toml(answers.principal),
        "dodo.py": DODO,
        ".gitignore": IGNORED,
        ".taplo.toml": TAPLO.format(place=schemas),
    }


def _array(values: Sequence[str]) -> str:
    return f"[{', '.join(quoted(value) for value in values)}]"


def _with_value(text: str, section: str, key: str, value: str) -> str:
    """The text with one key of one section set, its comment kept; a key that is commented out is made to count.

    Raises:
        ValueError: the commented file has no such line, which a test would have told.
    """
    lines, at = text.splitlines(), ""
    for number, line in enumerate(lines):
        if head := re.match(r"\[+([a-z_.]+)\]+(\s|$)", line):
            at = head[1]
        elif at == section and (found := re.match(rf"(?:# )?{key} = (?P<old>.*?)(?P<comment>\s+#.*)?$", line)):
            lines[number] = f"{key} = {value}{found['comment'] or ''}"
            return "\n".join(lines) + "\n"
    raise ValueError(f"no line for [{section}] {key}")


def _without_value(text: str, section: str, key: str) -> str:
    """The text with one key commented out."""
    return re.sub(rf"(?ms)^(\[{section}\].*?^)({key} = )", r"\1# \2", text, count=1)
