"""Breakages of who may run: policy, bundles, packages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from pipeline.signing.bundles.bundle import sign_bundle
from tests.support.breakages import Breakage
from tests.support.esf.edits import (
    REAL,
    Edit,
    add,
    both,
    copied,
    gone,
    put,
    remade,
    sub,
    swap,
)
from tests.support.esf.places import (
    BACKUP,
    DP,
    DPA,
    PACKAGES,
    POLICY,
)
from tests.support.esf_view import CERTIFICATES, PLUGIN
from tests.support.trust import (
    HEATER,
    VENDOR,
    VENDOR_CA,
    a_bundle,
    a_chain_signer,
    a_jar,
    a_package,
    a_vendor,
    archive_of,
)

_CONDITIONS = r"\s*<esf:conditions>.*?</esf:conditions>"
_VALUE = r"(BundleSignerCondition</esf:name>\s*<esf:value>)[^<]*"


def _condition(text: str) -> Edit:
    return remade(POLICY, lambda data: re.sub(_VALUE, lambda hit: hit[1] + text, data.decode(), count=1))


def _policy() -> Iterator[Breakage]:
    for rule in ("policy.schema", "policy.production", "policy.strong"):
        yield Breakage(f"no policy ({rule})", rule, POLICY, gone(POLICY))
    yield Breakage(
        "an element the schema does not know", "policy.schema", POLICY, swap(POLICY, "<esf:access>", "<esf:accesss>")
    )
    yield Breakage(
        "a policy without access",
        "policy.schema",
        POLICY,
        sub(POLICY, r"\s*<esf:access>ALLOW</esf:access>", ""),
        "esf:conditions",
    )
    yield Breakage("access MAYBE", "policy.schema", POLICY, swap(POLICY, ">ALLOW<", ">MAYBE<"), "<esf:policy>")
    yield Breakage("permit-debug banana", "policy.schema", POLICY, swap(POLICY, ">false<", ">banana<"))
    yield Breakage("a DTD", "policy.schema", POLICY, swap(POLICY, "<esf:security", "<!DOCTYPE x []>\n<esf:security"))
    yield Breakage("cut short", "policy.schema", POLICY, sub(POLICY, r"</esf:security>", ""))
    yield Breakage("no policy in it", "policy.schema", POLICY, sub(POLICY, r"<esf:policy>.*</esf:policy>", ""))
    yield Breakage(
        "two conditions in one row",
        "policy.schema",
        POLICY,
        sub(POLICY, r"(<esf:condition>.*?</esf:condition>)", r"\1\1"),
        "esf:condition",
    )
    yield Breakage("development mode", "policy.production", POLICY, swap(POLICY, ">false<", ">true<"), "permit-debug")
    yield Breakage(
        "production mode misspelt", "policy.production", POLICY, swap(POLICY, ">false<", ">fales<"), "permit-debug"
    )
    yield Breakage("a row for everybody", "policy.strong", POLICY, sub(POLICY, _CONDITIONS, ""), "<esf:policy>")
    yield Breakage(
        "a row by location",
        "policy.strong",
        POLICY,
        swap(POLICY, "BundleSignerCondition", "BundleLocationCondition"),
        "<esf:policy>",
    )
    yield Breakage("a reversed row", "policy.strong", POLICY, sub(POLICY, _VALUE, r"\g<0>;!"), "<esf:policy>")
    for text in ("*", "-", "*;-", "CN=*", "*, CN=*;-"):
        yield Breakage(f"a row for signer {text}", "policy.strong", POLICY, _condition(text), "<esf:policy>")
    yield Breakage("a signer that is none", "policy.strong", POLICY, _condition("Vendor Software"), "<esf:policy>")
    yield Breakage(
        "a signer nobody knows", "policy.known_signers", POLICY, _condition("CN=Stranger,O=Else,C=US"), "CN=Stranger"
    )
    yield Breakage("the factory policy as backup", "policy.backup", BACKUP, put(BACKUP, "<esf:security/>"))
    yield Breakage(
        "a backup in development mode",
        "policy.backup",
        BACKUP,
        both(copied(POLICY, BACKUP), swap(BACKUP, ">false<", ">true<")),
        "permit-debug",
    )
    yield Breakage("a second, laxer backup", "policy.backup", f"{BACKUP}.old", put(f"{BACKUP}.old", "<esf:security/>"))


@cache
def _strangers() -> bytes:
    return sign_bundle(a_bundle("org.example.platform"), a_chain_signer(), "keep", name="strange")


@cache
def _vendors() -> bytes:
    return sign_bundle(a_bundle("org.example.platform"), a_vendor(), "keep", name="vendor")


def _rebuilt(data: bytes, *, drop: str = "", change: str = "", **more: bytes) -> bytes:
    """A JAR written again: without an entry, with one changed, with some added."""
    archive = archive_of(data)
    files = {entry.name: archive.read(entry) for entry in archive.entries if not (drop and entry.name.endswith(drop))}
    files = {name: content + b"!" if change and name.endswith(change) else content for name, content in files.items()}
    return a_jar({**files, **more})


def _signed_itself(data: bytes) -> bytes:
    """A package with a signature where jarsigner puts it: behind the manifest and before the bundles."""
    archive = archive_of(data)
    files = {entry.name: archive.read(entry) for entry in archive.entries}
    first = next(iter(files))
    return a_jar({first: files.pop(first), "META-INF/X.SF": b"Signature-Version: 1.0\r\n\r\n", **files})


def _bundles() -> Iterator[Breakage]:
    rule = "bundles.signed"
    yield Breakage("a plugin without signature", rule, PLUGIN, put(PLUGIN, lambda: a_bundle("org.example.platform")))
    yield Breakage(
        "a further plugin without signature",
        rule,
        f"{REAL}/kura/plugins/x.jar",
        put(f"{REAL}/kura/plugins/x.jar", lambda: a_bundle("x")),
    )
    yield Breakage("a package with an unsigned bundle", rule, DP, put(DP, lambda: a_package({HEATER: a_bundle()})))
    yield Breakage(
        "a class added after signing",
        rule,
        PLUGIN,
        put(PLUGIN, lambda: _rebuilt(_vendors(), **{"Evil.class": b"\xca\xfe"})),
    )
    yield Breakage(
        "a class changed after signing",
        rule,
        PLUGIN,
        put(PLUGIN, lambda: _rebuilt(_vendors(), change="Activator.class")),
    )
    yield Breakage(
        "a manifest changed after signing",
        rule,
        PLUGIN,
        put(PLUGIN, lambda: _rebuilt(_vendors(), change="MANIFEST.MF")),
    )
    yield Breakage("a signature file changed", rule, PLUGIN, put(PLUGIN, lambda: _rebuilt(_vendors(), change=".SF")))
    yield Breakage("no signature block", rule, PLUGIN, put(PLUGIN, lambda: _rebuilt(_vendors(), drop=".RSA")))
    yield Breakage(
        "a signature block that is none",
        rule,
        PLUGIN,
        put(PLUGIN, lambda: _rebuilt(_rebuilt(_vendors(), drop=".RSA"), **{"META-INF/VENDOR.RSA": b"0"})),
    )
    yield Breakage("a plugin cut short", rule, PLUGIN, put(PLUGIN, lambda: _vendors()[:-30]))
    yield Breakage("a plugin that is no archive", rule, PLUGIN, put(PLUGIN, "nothing"))
    yield Breakage("a plugin of a stranger", "bundles.admitted", PLUGIN, put(PLUGIN, _strangers))
    yield Breakage("a policy without the vendor", "bundles.admitted", PLUGIN, _condition("CN=Stranger,O=Else,C=US"))
    yield Breakage("a chain in the wrong order", "bundles.admitted", PLUGIN, _condition(f"{VENDOR_CA};{VENDOR}"))
    yield Breakage("a leaf alone for a chain of two", "bundles.admitted", PLUGIN, _condition(VENDOR))
    yield Breakage("a row that denies comes first", "bundles.admitted", PLUGIN, swap(POLICY, ">ALLOW<", ">DENY<"))
    yield Breakage(
        "a plugin of a stranger the policy admits",
        "bundles.trusted",
        PLUGIN,
        put(PLUGIN, _strangers),
    )
    yield Breakage("no keystore of signers", "bundles.trusted", CERTIFICATES, gone(CERTIFICATES))
    yield Breakage("a keystore that is none", "bundles.trusted", CERTIFICATES, put(CERTIFICATES, "nothing"))


def _packages() -> Iterator[Breakage]:
    rule = "packages.install"
    yield Breakage("a listed package is not there", rule, DPA, gone(DP), "heater")
    yield Breakage("a package under another name", rule, DPA, swap(DPA, "heater=", "cooler="), "cooler")
    yield Breakage(
        "a package from the web",
        rule,
        DPA,
        sub(DPA, r"^heater=.*?$", r"heater=http\\://example.com/heater.dp"),
        "heater",
    )
    yield Breakage("a name with an escape", rule, DPA, swap(DPA, "heater_1", "heater%201"), "heater")
    yield Breakage(
        "a package beside the directory",
        rule,
        DPA,
        both(copied(DP, f"{REAL}/heater.dp"), sub(DPA, r"^heater=.*?$", rf"heater=file\\:{REAL}/heater.dp")),
        "heater",
    )
    yield Breakage(
        "a path that climbs", rule, DPA, swap(DPA, "/packages/heater", "/packages/../packages/heater"), "heater"
    )
    yield Breakage(
        "a package listed twice",
        rule,
        DPA,
        lambda view: add(
            DPA,
            re.sub(
                "^heater",
                "other",
                next(line for line in (view.find(DPA) or b"").decode().splitlines() if line.startswith("heater")),
            )
            + "\n",
        )(view),
    )
    yield Breakage("a path of another layout", rule, DPA, swap(DPA, "/kura/packages/", "/data/packages/"), "heater")
    yield Breakage(
        "a package nobody listed", "packages.only_listed", f"{PACKAGES}/evil.dp", copied(DP, f"{PACKAGES}/evil.dp")
    )
    yield Breakage("a list without a package", "packages.only_listed", DP, sub(DPA, r"^heater=.*?\n", ""))
    yield Breakage("a package cut short", "packages.readable", DP, remade(DP, lambda data: data[:-40]))
    yield Breakage(
        "a package signed itself",
        "packages.readable",
        DP,
        remade(DP, _signed_itself),
    )
    yield Breakage("no list of packages", "packages.readable", DPA, gone(DPA))


BREAKAGES = (
    *_policy(),
    *_bundles(),
    *_packages(),
)
