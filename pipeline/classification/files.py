"""The class of every file and link of an export, by the documents' list and by what is in it (A:164 to A:199)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping

from pipeline.classification.containers import Unzstd
from pipeline.classification.documents import UNKNOWN, Part, forbidden, wanted
from pipeline.classification.found import FoundSecret
from pipeline.classification.item import ANY, STAYS, TRAVELS, Class, Decision, Item, Key, Kind
from pipeline.classification.secrets import find_secrets
from pipeline.classification.truth import FROM_SNAPSHOT, in_snapshot
from pipeline.formats.network.hostapd_conf import OWN_KEYS
from pipeline.model.layout import Layout

ABOUT = "export.toml"

# Among the documents' network files: what a rule of the pipeline does with each on its way.
_REWRITTEN = (
    (r"etc/sysconfig/iptables", Class.DERIVED, "unwanted ports are closed on the way (A:113, A:187)"),
    (r"etc/network/interfaces", Class.PER_GATEWAY, "addresses as devices.toml wants them (A:186)"),
    (r"etc/u?dhcpd-[^/]+\.conf", Class.PER_GATEWAY, "leases as devices.toml wants them (A:190)"),
    (r"etc/hostapd-[^/]+\.conf", Class.PER_GATEWAY, "each gateway its own network name and passphrase (A:192, A:119)"),
    (r".*/kuranet\.conf", Class.PER_GATEWAY, "interfaces as devices.toml wants them (A:193)"),
    (r"etc/sysconfig/network-scripts/.+", Class.PER_GATEWAY, "addresses as devices.toml wants them (A:186)"),
    (r"etc/ppp/scripts/.+", Class.PER_GATEWAY, "access point name as devices.toml wants it (A:189)"),
)
_RULES = tuple((re.compile(pattern), sort, reason) for pattern, sort, reason in _REWRITTEN)
# Secrets that the documents want to travel, because the connection is nothing without them; and the Wi-Fi passphrase
# of an access point, which never does: the file is written anew around it.
_WANTED_SECRETS = (
    (re.compile(r"etc/ppp/(?:chap|pap|srp)-secrets"), "log-in of the cellular connection (A:189)"),
    (re.compile(r"etc/wpa_supplicant-[^/]+\.conf"), "log-in of the Wi-Fi network that is joined (A:191)"),
)
_REASONS = {
    Part.DPA: "written anew from the packages that travel (A:170)",
    Part.POLICY: "made suitable for production (A:175, A:179)",
}
_REPLACED = re.compile(rf"by the name (?:{'|'.join(OWN_KEYS)})")
# Of a Wi-Fi client: what the network is joined with. Passwords and keys of a person or a device are decided.
_JOINS = re.compile(r"by the name (?:psk|sae_password|wep_key\d)")


def classify_files(
    files: Mapping[str, bytes],
    links: Iterable[str],
    latest: str,
    unzstd: Unzstd | None = None,
    layout: Layout | None = None,
) -> Iterator[Item]:
    """Every file and link, in one class each.

    Args:
        files: content by path relative to the root of the export.
        latest: path of the snapshot that counts.
        unzstd: unpacks zstd, for the search for secrets.
        layout: of the golden sample; None where it is not known.
    """
    made = in_snapshot(layout)
    for path, content in files.items():
        if made and (listed := wanted(path)) and listed.item is Part.NETWORK and not forbidden(path, content):
            yield _item(Kind.FILE, path, Class.DERIVED, FROM_SNAPSHOT, STAYS)
        else:
            yield _file(path, content, latest, unzstd)
    for path in links:
        listed = wanted(path)
        if made and listed is not None and listed.item is Part.NETWORK:
            yield _item(Kind.LINK, path, Class.DERIVED, FROM_SNAPSHOT, STAYS)
        elif listed is not None and listed.item is Part.NETWORK:
            yield _item(Kind.LINK, path, Class.DERIVED, "made anew where the gateway is cellular (A:247)", TRAVELS)
        else:
            yield _item(Kind.LINK, path, Class.UNKNOWN, UNKNOWN, STAYS, open_=True)


def _file(path: str, content: bytes, latest: str, unzstd: Unzstd | None) -> Item:
    if path == ABOUT:
        return _item(Kind.FILE, path, Class.DERIVED, "describes the export; no gateway has it", STAYS)
    listed = wanted(path)
    reason = forbidden(path, content)
    if reason == UNKNOWN:
        remark = "" if not (found := find_secrets(path, content, unzstd)) else f"; {_kinds(found)}"
        return _item(Kind.FILE, path, Class.UNKNOWN, UNKNOWN + remark, STAYS, open_=True)
    if reason or listed is None:
        return _item(Kind.FILE, path, Class.FORBIDDEN, reason, STAYS, open_=True)
    if listed.item is Part.SNAPSHOT:
        if path != latest:
            reason = f"not the latest snapshot, which is {latest} (A:137)"
            return _item(Kind.FILE, path, Class.FORBIDDEN, reason, STAYS, open_=True)
        return _item(Kind.FILE, path, Class.DERIVED, "rewritten setting by setting (A:143, A:164)", TRAVELS)
    if listed.item in _REASONS:
        digest = _public_digest(path, content, find_secrets(path, content, unzstd))
        return _item(Kind.FILE, path, Class.DERIVED, _REASONS[listed.item], TRAVELS, digest=digest)
    return _with_content(path, content, listed.label, unzstd)


def _with_content(path: str, content: bytes, label: str, unzstd: Unzstd | None) -> Item:
    found = find_secrets(path, content, unzstd)
    sort, reason = next(
        ((sort, reason) for pattern, sort, reason in _RULES if pattern.fullmatch(path)),
        (Class.PORTABLE, f"listed: {label}"),
    )
    allowed = TRAVELS if sort is Class.DERIVED else ANY
    if not found or ("hostapd-" in path and all(_REPLACED.fullmatch(one.reason) for one in found)):
        return _item(Kind.FILE, path, sort, reason, allowed, digest=_public_digest(path, content, found))
    why = next((why for pattern, why in _WANTED_SECRETS if pattern.fullmatch(path)), "")
    if why and ("wpa_supplicant-" not in path or all(_JOINS.fullmatch(one.reason) for one in found)):
        return _item(Kind.FILE, path, Class.SECRET, why, ANY)
    return _item(Kind.FILE, path, Class.SECRET, f"{label}: {_kinds(found)}", ANY, open_=True)


def _kinds(found: Iterable[FoundSecret]) -> str:
    """What was found where, briefly; a reason is one line."""
    shown = [f"{one.kind} ({one.reason}) in {one.place.partition('!/')[2] or one.place}" for one in found]
    return "; ".join(shown[:3]) + (f"; and {len(shown) - 3} more" if len(shown) > 3 else "")


def _public_digest(path: str, content: bytes, found: Iterable[FoundSecret]) -> str:
    """Over what is no secret: without the lines that hold one; empty where a secret is not of one line."""
    places = [one.place.removeprefix(f"{path}: line ") for one in found]
    if not all(place.isdecimal() for place in places):
        return ""
    secret = {int(place) for place in places}
    # Lines as the search for secrets counts them.
    lines = content.decode("utf-8", "surrogateescape").splitlines(keepends=True) if secret else []
    kept = "".join(line for number, line in enumerate(lines, 1) if number not in secret)
    return digest_of(kept.encode("utf-8", "surrogateescape") if secret else content)


def digest_of(content: bytes) -> str:
    """Enough of SHA-256 to notice a change."""
    return hashlib.sha256(content).hexdigest()[:32]


def _item(
    kind: Kind,
    path: str,
    sort: Class,
    reason: str,
    allowed: frozenset[Decision],
    *,
    open_: bool = False,
    digest: str = "",
) -> Item:
    settled = Decision.STAYS if Decision.TRAVELS not in allowed else Decision.TRAVELS
    return Item(Key(kind, "", path), sort, reason, Decision.UNDECIDED if open_ else settled, allowed, digest)
