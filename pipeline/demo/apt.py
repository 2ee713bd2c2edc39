"""What this machine's apt is configured to use, asked of apt itself."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipeline.host import tools

# For machines whose own archives are not Debian's (another distribution).
_DEFAULT = {"": "http://deb.debian.org/debian", "-security": "http://deb.debian.org/debian-security"}
_CARRIED = re.compile(r"^Acquire::(https?::|Retries |Check-Valid-Until |Check-Date )")
_REASON = "learn which Debian archive this machine uses"


def debian_sources(suite: str) -> str:
    """One-line sources of a Debian suite and its security updates, from the archives this machine is set up with.

    Archives differ from machine to machine; what is not configured here falls back to Debian's own address.
    """
    listing = tools.run(
        "apt-get",
        *("indextargets", "--format", "$(ORIGIN)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)", "Created-By: Packages"),
        reason=_REASON,
    )
    return sources_from(listing.text, suite)


def sources_from(listing: str, suite: str) -> str:
    """Sources from lines ``ORIGIN|URI|SUITE|COMPONENT`` as ``apt-get indextargets`` prints them."""
    found: dict[str, str] = {}
    for line in listing.splitlines():
        fields = line.split("|")
        if len(fields) != 4:
            continue
        origin, uri, release, component = fields
        if origin == "Debian" and component == "main" and release.startswith(suite):
            found.setdefault(release.removeprefix(suite), uri.rstrip("/"))
    chosen = {ending: found.get(ending, default) for ending, default in _DEFAULT.items()}
    if "-updates" in found:
        chosen["-updates"] = found["-updates"]
    return "".join(f"deb {uri} {suite}{ending} main\n" for ending, uri in chosen.items())


def apt_options() -> str:
    """The settings of this machine's apt that decide whether and how an archive is reached."""
    dump = tools.run("apt-config", "dump", reason=_REASON)
    return "".join(line + "\n" for line in dump.text.splitlines() if _CARRIED.match(line))


def candidates(packages: Sequence[str]) -> dict[str, str]:
    """The version of each package that this machine's apt would install; empty where it knows none."""
    policy = tools.run("apt-cache", "policy", *packages, reason="learn the versions of the demo's packages")
    versions = dict.fromkeys(packages, "")
    name = ""
    for line in policy.text.splitlines():
        if not line.startswith(" "):
            name = line.rstrip(":")
        elif line.startswith("  Candidate: "):
            versions[name] = line.removeprefix("  Candidate: ")
    return versions
