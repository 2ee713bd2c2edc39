"""Whether anything else at boot loads, flushes or manages rules: of several, who comes last wins."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.formats.boot import systemd_unit
from pipeline.formats.shell.expansion import UNKNOWN
from pipeline.formats.shell.run import Ran
from pipeline.model.image_view import ImageView
from pipeline.model.layout import Layout
from pipeline.model.rule import Breach, Expected, Judgement, Rule, Severity
from pipeline.rules.esf.installation import document, on_network
from pipeline.rules.firewall.before_start import PERSISTENT
from pipeline.rules.firewall.packets import IPTABLES
from pipeline.rules.looking import files, harmless
from pipeline.rules.services import at_boot as boot
from pipeline.rules.services.startup import enabled

_RESTORE = re.compile(r"iptables(?:-legacy|-nft)?-(?:restore|apply)")
# Programs that manage a rule set of their own, whatever their files say.
_MANAGERS = frozenset({"ufw", "ufw-init", "firewalld", "shorewall", "ferm", "fwbuilder", "arno-iptables-firewall"})
_UNITS = ("ufw.service", "firewalld.service", "shorewall.service", "ferm.service", "nftables.service")
_NFT = "/etc/nftables.conf"
_TIMERS = tuple(f"{base}/*.timer" for base in ("/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"))
READS = (*boot.READS, _NFT, PERSISTENT, *_TIMERS, "/lib/systemd/system/*.service", "/usr/lib/systemd/system/*.service",
         "/lib/ufw/*", "/usr/lib/ufw/*")  # fmt: skip
_WANTED = f"{IPTABLES} alone"


def _only(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """Rules of another file that are loaded too stand beside ours, or in their place."""
    del layout, expected
    if document(view, IPTABLES) is None:
        return Judgement.not_applicable(f"{view.place(IPTABLES)} is not there (see firewall.readable)")
    started = boot.at_boot(view)
    if started is None:
        return Judgement.unverifiable("what starts services in this image is not known")
    breaches: dict[tuple[str, int], Breach] = {}
    for item in (*started, *_by_timers(view)):
        for command in item.commands:
            said = _said(view, command)
            if said:
                breaches.setdefault(
                    (command.path, command.line), Breach(command.path, command.line, f"{item.name}: {said}", _WANTED)
                )
    for unit in _UNITS if view.init == "systemd" else ():
        name = unit.removesuffix(".service")
        told = any(name in breach.found for breach in breaches.values())
        if enabled(view, unit) and not told and not (name == "nftables" and _nft_is_harmless(view, _NFT)):
            place = next((path for path, _ in files(view, *_places(unit))), f"/etc/systemd/system/{unit}")
            breaches[place, 0] = Breach(place, 0, f"{name} starts at boot and manages rules of its own", _WANTED)
    return Judgement.of(list(breaches.values()), "nothing else that runs at boot loads or flushes rules")


def _places(unit: str) -> tuple[str, ...]:
    return tuple(f"{base}/{unit}" for base in ("/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"))


def _said(view: ImageView, command: Ran) -> str:
    """What a command does to the rules, when they are others than ours; empty when nothing."""
    words = command.words[1:]
    if _RESTORE.fullmatch(command.program) and not {"-t", "--test"} & {*words}:
        named = [word for word in words if not word.startswith("-")]
        file = command.reads or (named[-1] if named else "")
        if file and UNKNOWN not in file and file != IPTABLES and not _is_ours(view, file):
            return f"loads {harmless(file)}"
    if command.program == "netfilter-persistent" and "start" in words and not _is_ours(view, PERSISTENT):
        return f"loads {PERSISTENT}" if view.exists(PERSISTENT) else ""
    if command.program == "nft":
        return _of_nft(view, command)
    if command.program in _MANAGERS and not {"stop", "disable", "status", "--version"} & {*words}:
        return "manages rules of its own"
    return ""


def _is_ours(view: ImageView, file: str) -> bool:
    """A file that is not there loads nothing; one of the same rules changes nothing; IPv6 is another rule's."""
    one, two = document(view, file), document(view, IPTABLES)
    return one is None or (two is not None and one.data == two.data) or "6" in file.rpartition("/")[2]


def _of_nft(view: ImageView, command: Ran) -> str:
    words = command.words[1:]
    if {"flush", "delete"} & {*words}:
        return f"takes rules away: {harmless(' '.join(command.words))}"
    if "-f" in words or "--file" in words:
        file = command.reads or words[-1]
        return (
            "" if UNKNOWN in file or _nft_is_harmless(view, file) else f"loads {harmless(file)}, which takes ours away"
        )
    return ""


def _nft_is_harmless(view: ImageView, path: str) -> bool:
    """Tables of its own can only drop more; ``flush ruleset`` takes those of iptables-nft away."""
    found = document(view, path)
    if found is None:
        return True
    bare = re.sub(r"#[^\n]*", "", found.text)
    return not re.search(r"\bflush\s+ruleset\b|\b(?:flush|delete|destroy)\s+table\s+(?:ip\s+)?filter\b", bare)


def _by_timers(view: ImageView) -> Iterator[boot.AtBoot]:
    """What enabled timers start; a minute after the start is after the start."""
    if view.init != "systemd":
        return
    for path, data in files(view, *_TIMERS):
        name = path.rpartition("/")[2]
        if enabled(view, name):
            told = systemd_unit.in_effect(systemd_unit.parse(data, path), "Timer", "Unit")
            yield from boot.unit(view, told[-1].value if told else f"{name.removesuffix('.timer')}.service")


RULES: tuple[Rule, ...] = (
    Rule(
        id="firewall.only_loader",
        title="nothing else loads, flushes or manages firewall rules at boot",
        why=(
            "A second firewall manager flushes or overwrites the rules: which of them holds depends on who started "
            "last."
        ),
        severity=Severity.HIGH,
        documents=("A:113", "A:187"),
        references=("CIS 4.4.2.1", "62443 CR 7.7"),
        profile="documents",
        check=on_network(_only),
        remedy="disable the other service in the vanilla image: netfilter-persistent, nftables, ufw, firewalld, timers",
    ),
)
