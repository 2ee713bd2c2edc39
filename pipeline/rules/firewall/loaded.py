"""Who loads the firewall at boot: followed from what the system starts to the file whose rules are loaded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.formats.shell.expansion import UNKNOWN
from pipeline.formats.shell.run import Ran
from pipeline.model.image_view import ImageView
from pipeline.model.layout import Layout
from pipeline.model.rule import Breach, Expected, Judgement, Rule, Severity
from pipeline.rules.esf.installation import document, on_network
from pipeline.rules.firewall.before_start import PERSISTENT
from pipeline.rules.firewall.packets import IPTABLES
from pipeline.rules.looking import harmless
from pipeline.rules.services.at_boot import READS as _AT_BOOT
from pipeline.rules.services.at_boot import AtBoot, at_boot, is_lost

READS = _AT_BOOT

_RESTORE = re.compile(r"iptables(-legacy|-nft)?-(restore|apply)")
# Services of distributions, with the file their own program loads (iptables-services; netfilter-persistent with its
# plugin; nftables). What lies behind the program is the distribution's own and is not followed.
_DISTRIBUTION = (
    (re.compile(r"/iptables\.init$"), IPTABLES),
    (re.compile(r"/netfilter-persistent$"), PERSISTENT),
)
_NAMES_IT = re.compile(r"firewall|iptables|netfilter|nftables|\bnft\b")
_IN_THE_WAY = re.compile(r"-(?:P|-policy)$")


@dataclass(frozen=True)
class _Load:
    """A set of rules that is loaded; `file` is `UNKNOWN` where nobody can say which."""

    by: AtBoot
    command: Ran
    file: str


def _loaded(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """Rules nobody loads protect nothing: ESF itself does so when it has started, if at all (formats 2 and 3.2)."""
    del layout, expected
    started = at_boot(view)
    if started is None:
        return Judgement.unverifiable("what starts services in this image is not known")
    found = [load for item in started for load in _loads(item)]
    ours = [load for load in found if load.file == IPTABLES or _says_the_same(view, load.file)]
    certain = [load for load in ours if load.command.certain]
    if certain:
        return _and_nothing_after(certain, found)
    lost = [(item, command) for item in started for command in item.commands if is_lost(command) and _is_about(item)]
    lost += [(load.by, load.command) for load in found if UNKNOWN in load.file]
    if ours:
        place = f"{ours[0].command.path} line {ours[0].command.line}"
        return Judgement.unverifiable(f"{place} loads {IPTABLES} only if something holds that is not to be seen")
    if lost:
        item, command = lost[0]
        return Judgement.unverifiable(
            f"whether {item.name} ({item.path}) loads {IPTABLES} is not to be seen: {command.path} line {command.line} "
            "goes on to what was not read or is put together when it runs"
        )
    return Judgement.failed(_nobody(found, started))


def _and_nothing_after(ours: Sequence[_Load], found: Sequence[_Load]) -> Judgement:
    load = ours[-1]
    breaches = [
        Breach(other.command.path, other.command.line, f"loads {harmless(other.file)} as well, in its place", IPTABLES)
        for other in found
        if other.command.certain and other.file != load.file and other.by == load.by and other not in ours
    ]
    rest = list(load.by.commands)[list(load.by.commands).index(load.command) + 1 :]
    breaches += [
        Breach(item.path, item.line, f"takes the loaded rules away: {harmless(' '.join(item.words))}", "not there")
        for item in rest
        if _undoes(item)
    ]
    return Judgement.of(breaches, f"{load.by.name} ({load.by.path}) loads {load.file} at boot: {load.command.path}")


def _undoes(command: Ran) -> bool:
    """Flushes, or a policy that lets packets in; the vendor's own scripts only ever set DROP there."""
    if command.program not in ("iptables", "iptables-legacy", "iptables-nft"):
        return False
    words = command.words[1:]
    if {"-F", "--flush"} & set(words):
        after = words[[*words].index("-F" if "-F" in words else "--flush") + 1 :]
        return not after or after[0].startswith("-") or after[0] in ("INPUT", "FORWARD") or "kura" in after[0]
    for place, word in enumerate(words[:-2]):
        if _IN_THE_WAY.match(word) and words[place + 1] in ("INPUT", "FORWARD") and words[place + 2] != "DROP":
            return True
    return False


def _loads(item: AtBoot) -> Iterator[_Load]:
    for command in item.commands:
        if not command.words:
            continue
        program = command.words[0]
        known = next((file for pattern, file in _DISTRIBUTION if pattern.search(program)), "")
        if known and "start" in command.words[1:]:
            yield _Load(item, command, known)
        elif _RESTORE.fullmatch(command.program) and not {"-t", "--test"} & set(command.words[1:]):
            named = [word for word in command.words[1:] if not word.startswith("-")]
            yield _Load(item, command, command.reads or (named[-1] if named else UNKNOWN))


def _says_the_same(view: ImageView, file: str) -> bool:
    """Whether another file that is loaded is the same rules: Debian's own, which the build writes beside ours."""
    if file != PERSISTENT:
        return False
    one, two = document(view, IPTABLES), document(view, PERSISTENT)
    return one is not None and two is not None and one.data == two.data


def _is_about(item: AtBoot) -> bool:
    return bool(_NAMES_IT.search(item.name) or _NAMES_IT.search(item.path))


def _nobody(found: Sequence[_Load], started: Sequence[AtBoot]) -> Breach:
    wanted = f"iptables-restore < {IPTABLES}"
    if found:
        load = found[0]
        return Breach(load.command.path, load.command.line, f"loads {harmless(load.file)}", wanted)
    about = next((item for item in started if _is_about(item)), None)
    if about is not None:
        return Breach(about.path, 0, f"runs at boot, and does not load {IPTABLES}", wanted)
    return Breach("/etc/init.d/firewall", 0, "nothing that is started at boot loads the firewall", wanted)


RULES: tuple[Rule, ...] = (
    Rule(
        id="firewall.loaded",
        title="the firewall is loaded at boot",
        why="Perfect rules that nothing loads at boot protect nothing.",
        severity=Severity.HIGH,
        documents=("A:113", "A:187"),
        references=("CaC service_iptables_enabled", "62443 CR 7.7"),
        profile="documents",
        check=on_network(_loaded),
        remedy="update-rc.d firewall defaults, or systemctl enable firewall",
    ),
)
