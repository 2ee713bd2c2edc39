"""No traces of another gateway or of an earlier boot, since an image is copied often (A:129, A:206, A:240)."""

from __future__ import annotations

import re

from pipeline.model.image_view import ImageView
from pipeline.model.layout import Layout
from pipeline.model.rule import Breach, Expected, Judgement, Rule, Severity
from pipeline.model.tree import Kind
from pipeline.rules.esf.installation import below, children, node_of, on_esf, place_of
from pipeline.rules.esf.keystores import keystores
from pipeline.rules.looking import harmless, loose, paths

# Below the installation: what ESF writes when it runs, bound to the one device (formats 1.7, 3, 5).
_STATE = re.compile(
    r"/(?:store\.save|paho-persistence/.+|persist[ae]nce/.+|db/.+|[^/]*fingerprint[^/]*|org\.eclipse\.osgi/.+"
    r"|[^/]*\.(?:lck|hprof))"
)
_RUNNING = ("/tmp/.kura", "/tmp/kura", "/tmp/.esf*", "/tmp/esf", "/var/run/kura.pid", "/run/kura.pid")  # noqa: S108 - the image's
_LOGS = ("/var/log/kura*", "/var/log/esf*")
_PRIVATE = re.compile(rb"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----")
# Outside of the installation programs may have the line without a key behind it.
_PRIVATE_FILE = re.compile(rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----\s*[A-Za-z0-9+/]|\AAGE-SECRET-KEY-1")
# A gateway's own: made for it, and compared over the fleet.
_OWN_KEY = re.compile(r"/etc/(?:ssh/ssh_host_[^/]*_key|dropbear/dropbear_[^/]*_host_key)")
READS = (
    "/etc/**.key", "/etc/**.conf", "/etc/**.ovpn", "/etc/**.p12", "/etc/ssl/private/**",
    "/etc/*.pem", "/etc/*/*.pem", "/etc/*/*/*.pem", "/root/**.pem", "/root/**.key", "/home/**.pem", "/home/**.key",
    "/usr/local/**.key", "/usr/local/**.pem", "/srv/**.key", "/srv/**.pem", "/var/lib/**.key", "/opt/**.key",
    "/opt/**.pem",
)  # fmt: skip
_PKCS12 = re.compile(rb"\x30\x82..\x02\x01\x03\x30", re.DOTALL)
_JCEKS = b"\xce\xce\xce\xce"


def _never_booted(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """At its first boot ESF binds itself to the device; what it leaves would keep another one from starting."""
    del expected
    root = view.place(layout.root)
    breaches = [
        Breach(str(path), 0, "left behind by a running ESF", "not there")
        for path in below(view, root)
        if _STATE.search(path.removeprefix(str(root)))
    ]
    breaches += [Breach(str(path), 0, "left behind by a running ESF", "not there") for path in paths(view, *_RUNNING)]
    for path in paths(view, *_LOGS):
        node = node_of(view, path)
        if node is not None and node.kind is Kind.FILE and node.size:
            breaches.append(Breach(str(path), 0, "log of a running ESF", "empty, or not there"))
    return Judgement.of(breaches, f"nothing below {root} or in /tmp says that ESF ever ran")


def _no_private_keys(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """Private keys belong to one gateway, or to nobody's image at all (A:206, B:466)."""
    del expected
    root = view.place(layout.root)
    known = {place_of(view, store.path) for store in keystores(view, layout)}
    breaches = []
    looked_at = sorted(path for path in view.files if path.is_under(root) and path not in known)
    for path in looked_at:
        content = view.files[path]
        if hit := _PRIVATE.search(content):
            breaches.append(Breach(str(path), content.count(b"\n", 0, hit.start()) + 1, "a private key", "not there"))
        elif _PKCS12.match(content) or content.startswith((_JCEKS, b"\xfe\xed\xfe\xed")):
            breaches.append(Breach(str(path), 0, "a keystore the layout does not know", "not there"))
    elsewhere = sorted(path for path in view.files if not path.is_under(root) and not _OWN_KEY.fullmatch(path))
    for path in elsewhere:
        content = view.files[path]
        if hit := _PRIVATE_FILE.search(content):
            breaches.append(Breach(str(path), content.count(b"\n", 0, hit.start()) + 1, "a private key", "not there"))
        elif _PKCS12.match(content):
            breaches.append(Breach(str(path), 0, "a keystore with private keys", "not there"))
    breaches += [
        Breach(str(path), 0, "by its name a keystore the layout does not know", "not there")
        for path in below(view, root)
        if path not in view.files and path not in known and re.search(r"\.(?:ks|jks|p12|pfx|keystore)$", path.name)
    ]
    if not looked_at and not breaches:
        return Judgement.unverifiable(f"nothing below {root} was read")
    return Judgement.of(
        breaches,
        f"{len(looked_at) + len(elsewhere)} files looked through: no private keys but the gateway's own",
    )


def _same_release(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """The golden sample's configuration is for the release it was made with (A:240)."""
    if not expected.golden_esf_version:
        return Judgement.not_applicable("there is no golden sample to compare with")
    if view.esf_version != expected.golden_esf_version:
        shown = f"{layout.product} {harmless(view.esf_version) or 'of unknown version'}"
        return Judgement.failed(Breach(str(view.place(layout.properties)), 0, shown, expected.golden_esf_version))
    return Judgement.passed(f"{layout.product} {view.esf_version}, as the golden sample")


def _secret_modes(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """Files that hold secrets are their owner's only (threats 3.4)."""
    del expected
    owners = (0, *_owner(view, layout))
    wanted = [
        *children(view, layout.snapshots), *(p for p in children(view, layout.restore) if _is_secret(p.name)),
        layout.properties, layout.cacerts, *([layout.certificates] if layout.certificates else []),
        *paths(view, "/etc/hostapd-*.conf", "/etc/wpa_supplicant-*.conf", "/etc/ppp/*-secrets", "/etc/hostapd/*.conf"),
    ]  # fmt: skip
    breaches: list[Breach] = []
    seen = 0
    for path in wanted:
        node = node_of(view, path)
        if node is not None and node.kind is Kind.FILE:
            seen += 1
            breaches += loose(str(view.place(path)), node, 0o600, owners)
    if not seen:
        return Judgement.not_applicable("none of the files that hold secrets is there")
    return Judgement.of(breaches, f"{seen} files with secrets, each 0600")


def _is_secret(name: str) -> bool:
    return name.startswith(("snapshot", "hostapd", "wpa_supplicant")) or name.endswith((".ks", "-secrets"))


def _owner(view: ImageView, layout: Layout) -> tuple[int, ...]:
    """Who runs the framework: a number, or a name that /etc/passwd knows."""
    if layout.owner.isdigit():
        return (int(layout.owner),)
    passwd = view.files.get(view.place("/etc/passwd"), b"").decode("utf-8", "replace")
    found = re.search(rf"(?m)^{re.escape(layout.owner)}:[^:]*:(\d+):", passwd)
    return (int(found[1]),) if found else ()


def _owned(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """Who may write what the framework starts with, may become whoever runs it (B:229)."""
    del expected
    owners = (0, *_owner(view, layout))
    wanted = [layout.policy, layout.dpa, layout.custom_properties, *layout.start_scripts, layout.root / "bin",
              *(() if layout.policy_backup is None else (layout.policy_backup,)), layout.packages]  # fmt: skip
    breaches: list[Breach] = []
    seen = 0
    for path in filter(None, wanted):
        node = node_of(view, path)
        if node is not None:
            seen += 1
            breaches += loose(str(view.place(path)), node, 0o755, owners)
    return Judgement.of(breaches, f"{seen} files and directories nobody else may write") if seen else (
        Judgement.not_applicable("nothing the framework starts with is there"))  # fmt: skip


RULES: tuple[Rule, ...] = (
    Rule(
        id="residue.never_booted",
        title="ESF has never run in this image",
        why=(
            "An installation that has run has made its keys, passwords and fingerprints: every copy would share them, "
            "and the first-start steps do not run again."
        ),
        severity=Severity.HIGH,
        documents=("A:129", "A:206", "A:244", "B:531", "B:532"),
        references=("ETSI 5.4-4", "62443 EDR 3.12"),
        profile="documents",
        check=on_esf(_never_booted),
        remedy="start from an image that was never booted",
    ),
    Rule(
        id="residue.private_keys",
        title="no private keys of somebody else",
        why="A forgotten private key is delivered with every gateway, and whoever it belongs to can be impersonated.",
        severity=Severity.HIGH,
        documents=("A:206", "B:464", "B:466"),
        references=("ETSI 5.4-3", "62443 CR 1.9"),
        profile="documents",
        check=on_esf(_no_private_keys),
        remedy="take the file out of the image or the overlay, and the key out of use",
    ),
    Rule(
        id="esf.same_release",
        title="the image has the golden sample's release",
        why=(
            "Settings of another release are refused or, worse, understood differently, and the hardening no longer "
            "means what was reviewed."
        ),
        severity=Severity.HIGH,
        documents=("A:124", "A:240"),
        references=("ETSI 5.3-1",),
        profile="documents",
        check=on_esf(_same_release),
        remedy="take a vanilla image of the golden sample's release",
    ),
    Rule(
        id="secrets.modes",
        title="files with secrets are readable by their owner only",
        why="Every service on the gateway could read the passwords of the cloud, the keystores and the networks.",
        severity=Severity.HIGH,
        documents=("A:141", "A:225", "B:543"),
        references=("CIS 7.1.5", "ETSI 5.4-1", "62443 CR 4.1"),
        profile="documents",
        check=on_esf(_secret_modes),
        remedy="chmod 600",
        enforced_by="esf.snapshot, esf.framework, esf.keystores, network",
    ),
    Rule(
        id="esf.writable",
        title="nobody else may write what the framework starts with",
        why=(
            "Whoever may write the framework's files runs code with its rights at the next start, whatever the policy "
            "says."
        ),
        severity=Severity.HIGH,
        documents=("B:223", "B:229"),
        references=("62443 CR 3.4", "CIS 7.1.11"),
        profile="documents",
        check=on_esf(_owned),
        remedy="chmod go-w",
        enforced_by="esf.framework",
    ),
)
