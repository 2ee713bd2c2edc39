#!/usr/bin/env python3
"""What the firewall services of Kura itself save, given to this product, and the other way round.

    tests/long/kura/kura_firewall.py CLONE [COUNT...]

CLONE is a git directory of github.com/eclipse-kura/kura with its release tags. The classes are compiled from it with
javac and Debian's OSGi, SLF4J, Commons and log4j-api jars, and run as root in a namespace of their own with the real
iptables. Nothing of Kura is kept. For each of 3.0.0, 4.1.2 and 5.0.0:

- settings: what the console's services save of random settings (file and snapshot, as saved and after a restart) must
  contradict itself nowhere;
- files: random hand-written INPUT rules: what this product accepts, Kura may save twice without one line of INPUT more
  than there was, and with both policies still DROP;
- finished: the same for the rules and the custom script of the demonstration's gateways, with iptables-nft and -legacy.
"""

from __future__ import annotations

import random
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from pipeline.errors import PipelineError
from pipeline.formats.network.iptables import text as iptables
from pipeline.model.golden import Golden
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import FileEntry
from pipeline.model.layout import Layout
from pipeline.transforms import firewall
from pipeline.transforms.firewall.custom_script import with_policies
from pipeline.transforms.firewall.network_facts import NetworkFacts
from pipeline.transforms.firewall.rewrite import Wanted, rewrite
from tests.support import network
from tests.support.esf.every_layout import LAYOUTS
from tests.support.once import one_at_a_time
from tests.support.release import a_release

RULES = GuestPath("/etc/sysconfig/iptables")
PID = "org.eclipse.kura.net.admin.FirewallConfigurationService"
NAMES = ("firewall.open.ports", "firewall.port.forwarding", "firewall.nat")
JARS = ("osgi.core", "osgi.cmpn", "slf4j-api", "slf4j-nop", "commons-io", "commons-lang3", "commons-exec",
        "commons-net", "json", "log4j-api", "osgi.annotation")  # fmt: skip
MODULES = ("api", "core", "core.configuration", "core.crypto", "core.net", "linux.net", "net.admin",
           "net.admin.firewall", "net.configuration", "util", "xml.marshaller.unmarshaller.provider")  # fmt: skip
INTERFACES, NETWORKS = ("eth0", "eth1", "wlan0", "ppp0"), ("10.0.0.0/8", "192.168.1.0/24", "172.16.1.5/32", "0.0.0.0/0")


@dataclass(frozen=True)
class Kura:
    """A release that was compiled.

    Attributes:
        classes: class path.
    """

    version: str
    layout: Layout
    classes: str

    def run(self, mode: str, directory: Path, variant: str = "nft") -> None:
        """Run the harness over a directory, in a namespace of its own, with one of the two kinds of iptables."""
        programs = directory.with_name(f"bin-{variant}")
        programs.mkdir(exist_ok=True)
        for name in (f"{kind}tables{end}" for kind in ("ip", "ip6") for end in ("", "-save", "-restore")):
            if not (programs / name).is_symlink():
                (programs / name).symlink_to(f"/usr/sbin/xtables-{variant}-multi")
        script = (
            "mkdir -p /etc/sysconfig && mount -t tmpfs t /etc/sysconfig && mount -t tmpfs t /etc/init.d && "
            'exec java -cp "$0" KuraFirewall "$@"'
        )
        Path("/etc/sysconfig").mkdir(
            exist_ok=True
        )  # a place to mount on; what the harness writes stays in the namespace
        command = ["unshare", "-nm", "sh", "-c", script, self.classes, mode, str(directory)]
        environment = {"PATH": f"{programs}:/usr/sbin:/usr/bin:/sbin:/bin"}
        with one_at_a_time(Path("/tmp/iptables")):  # noqa: S108 - Kura's own name, which all of them share
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)


def compiled(clone: Path, version: str, layout: str, place: Path) -> Kura:
    """The classes of a release, made from its sources."""
    sources, classes = place / "sources", place / "classes"
    sources.mkdir(parents=True)
    classes.mkdir()
    for module in MODULES:
        name = f"kura/org.eclipse.kura.{module}/src/main"
        archive = subprocess.run(
            ["git", "-C", str(clone), "archive", f"KURA_{version}_RELEASE", name], capture_output=True, check=False
        )
        if archive.returncode == 0:  # a release has not every module
            subprocess.run(["tar", "x", "-C", str(sources)], input=archive.stdout, check=True)
    roots = ":".join(str(path) for path in sorted(sources.glob("kura/*/src/main/java")))
    resources = [str(path) for path in sorted(sources.glob("kura/*/src/main/resources"))]
    jars = [f"/usr/share/java/{name}.jar" for name in JARS]
    admin = "net.admin.firewall" if (sources / "kura/org.eclipse.kura.net.admin.firewall").is_dir() else "net.admin"
    service = sources / f"kura/org.eclipse.kura.{admin}/src/main/java/org/eclipse/kura/net/admin"
    if admin != "net.admin":  # the older of two services of one name, and in the way
        shutil.rmtree(sources / "kura/org.eclipse.kura.net.admin")
        roots = ":".join(str(path) for path in sorted(sources.glob("kura/*/src/main/java")))
    made = subprocess.run(
        ["javac", "-nowarn", "-proc:none", "-implicit:class", "-encoding", "UTF-8", "-d", str(classes),
         "-cp", ":".join(jars), "-sourcepath", roots, str(service / "FirewallConfigurationServiceImpl.java"),
         str(Path(__file__).with_name("KuraFirewall.java"))], capture_output=True, text=True, check=False
    )  # fmt: skip
    if made.returncode:
        sys.exit(made.stderr)
    return Kura(version, LAYOUTS[layout], ":".join([str(classes), *resources, *jars]))


def settings(dice: random.Random, *, all_protocols: bool) -> list[str]:
    """What somebody may enter in the console, as the three properties.

    Args:
        all_protocols: a translation for all of them, which no console offers: 3 and 4 cannot apply it at all.
    """

    def some(*values: str) -> str:
        return dice.choice(values)

    def port() -> str:
        first = dice.randrange(1, 65000)
        return some(str(first), f"{first}:{first + dice.randrange(1, 500)}")

    def mac() -> str:
        return ":".join(f"{dice.randrange(256):02X}" for _ in range(6))

    def sources() -> str:
        first = dice.randrange(1024, 60000)
        return some("", "", f"{first}:{first + dice.randrange(3)}")

    ports = [
        ",".join(
            (
                port(),
                some("tcp", "udp"),
                some("", *NETWORKS),
                *some_interface(dice),
                some("", "", mac()),
                sources(),
                "#",
            )
        )
        for _ in range(dice.randrange(6))
    ]
    forwards = [
        f"{some(*INTERFACES)},{some(*INTERFACES)},192.168.{dice.randrange(3)}.{dice.randrange(1, 9)},"
        f"{some('tcp', 'udp')},{dice.randrange(1, 65535)},"
        f"{dice.randrange(1, 65535)},{some('true', 'false')},{some(*NETWORKS)},"
        f"{some('', '', mac())},{sources()},#"
        for _ in range(dice.randrange(4))
    ]
    nats = [
        f"{some(*INTERFACES)},{some(*INTERFACES)},{some('tcp', 'udp', *(['all'] * all_protocols))},"
        f"{some('', *NETWORKS)},{some('', '8.8.8.8/32', *NETWORKS)},{some('true', 'true', 'false')},#"
        for _ in range(dice.randrange(4))
    ]
    return [";".join(ports), ";".join(forwards), ";".join(nats)]


def some_interface(dice: random.Random) -> tuple[str, str]:
    return dice.choice([("", ""), ("", ""), (dice.choice(INTERFACES), ""), ("", dice.choice(INTERFACES))])


def golden(rules: bytes, told: list[str]) -> Golden:
    """An export of this firewall and nothing else."""
    lines = "".join(
        f'<esf:property array="false" encrypted="false" name="{name}" type="String"><esf:value>{value}</esf:value>'
        "</esf:property>"
        for name, value in zip(NAMES, told, strict=True)
    )
    snapshot = (
        '<?xml version="1.0" encoding="UTF-8"?><esf:configurations xmlns:esf="http://eurotech.com/esf/2.0" '
        f'xmlns:ocd="http://www.osgi.org/xmlns/metatype/v1.2.0"><esf:configuration pid="{PID}"><esf:properties>{lines}'
        "</esf:properties></esf:configuration></esf:configurations>"
    )
    return Golden("5.0.0", snapshot.encode(), b"", {}, None, {RULES: rules}, {}, (), (), "00" * 32)


def agreement(kura: Kura, count: int, work: Path) -> int:
    """Saved settings against our reading of them."""
    dice = random.Random(f"settings {kura.version}")
    work.mkdir()
    for number in range(count):
        (work / f"{number:05}.settings").write_text(
            "".join(f"{line}\n" for line in settings(dice, all_protocols=kura.layout.generation == "C"))
        )
    kura.run("settings", work)
    refused = 0
    for kind in ("saved", "restarted"):
        files = sorted(work.glob(f"*.{kind}"))
        bad = 0
        for path in files:
            rules = path.with_suffix(".iptables").read_bytes()
            found = firewall.contradictions(golden(rules, path.read_text().splitlines()), kura.layout)
            if found:
                bad += 1
                print(f"  {path.name}: " + " / ".join(problem.what for problem in found[:3]))
        share = 100 * (len(files) - bad) / max(1, len(files))
        print(f"{kura.version} settings, {kind}: {len(files) - bad} of {len(files)} accepted ({share:.1f} %)")
        refused += bad
    return refused


def hand_written(dice: random.Random, chain: str) -> str:
    """Rules somebody may have written into the file: half of them in words Kura has not."""
    matches = (
        "-m limit --limit 5/sec", "-m iprange --src-range 10.0.0.1-10.0.0.9", "-d 192.168.1.1/32", "! -s 10.0.0.0/8",
        "-m state --state NEW", "-m conntrack --ctstate NEW", "--syn", "! -p udp", "-s 10.0.0.5",
        "-s 10.0.0.0/255.0.0.0",
        "-m mac --mac-source 02:00:00:00:00:01", '-m comment --comment "a b"', '-m comment --comment "-s 10.9.0.0/16"',
        "-i eth0", "! -i eth0", "-i eth0 -s 10.0.0.0/8", "", "", "", "", "",
        "-m connlimit --connlimit-above 20", "--sport 1000:2000", "! --sport 1000:2000", "",
    )  # fmt: skip
    ports = ("--dport 9000", "--dport 9000:9010", "--dport :1023", "-m multiport --dports 700,800:810", "! --dport 9",
             "-m multiport --ports 9000", "--dport 9100", "--dport 9200", "--dport 9300", "")  # fmt: skip
    lines = []
    for _ in range(dice.randrange(1, 4)):
        protocol = dice.choice(("-p tcp", "-p tcp", "-p tcp", "-p udp", "-p udp", "-p icmp", ""))
        port = dice.choice(ports) if protocol in ("-p tcp", "-p udp") else ""
        match = dice.choice(matches)
        if protocol != "-p tcp" and ("--syn" in match or "--sport" in match):
            match = ""
        if "! -p" in match and protocol:
            match = ""
        target = dice.choice((*["ACCEPT"] * 9, "DROP", "REJECT", "LOG", "OWN"))
        lines.append(" ".join(filter(None, (f"-A {chain}", protocol, match, port, f"-j {target}"))))
    return "\n".join(lines)


def saved_twice(kura: Kura, count: int, work: Path) -> int:
    """Files we accept, saved twice by Kura."""
    dice = random.Random(f"files {kura.version}")
    work.mkdir()
    five = kura.layout.generation == "C"
    chain = "input-kura" if five else "INPUT"
    fixed = f"-A {chain} -i lo -j ACCEPT\n-A {chain} -m state --state RELATED,ESTABLISHED -j ACCEPT\n"
    own = ":input-kura - [0:0]\n" if five else ""
    jump = "-A INPUT -j input-kura\n" if five else ""
    wanted, network_facts = Wanted((), (), (), 49153), NetworkFacts(("eth0",), (), {})
    accepted = refused = opened = 0
    for number in range(count):
        text = (
            f"*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n:OWN - [0:0]\n{own}{jump}{fixed}"
            f"{hand_written(dice, chain)}\n-A OWN -p tcp --dport 7000 -j ACCEPT\nCOMMIT\n"
        )
        try:
            given = iptables.parse(text, "f")
        except PipelineError:
            continue
        if firewall.contradictions(replace(golden(text.encode(), ["", "", ""]), snapshot=b""), kura.layout):
            refused += 1
            continue
        accepted += 1
        (work / f"{number:05}.rules").write_text(iptables.render(rewrite(given, wanted, network_facts)))
        if not five:
            (work / f"{number:05}.cust").write_bytes(with_policies(None, "")[0])
    kura.run("files", work)
    for path in sorted(work.glob("*.before")):
        before = inward(path, five=five)
        for after in (path.with_suffix(".once"), path.with_suffix(".twice")):
            more = (inward(after, five=five) - before) if after.exists() else {"not saved"}
            if more or path.with_suffix(".thrown").exists():
                opened += 1
                print(f"  {after.name}: {sorted(more) or path.with_suffix('.thrown').read_text()}")
    print(f"{kura.version} files: {accepted} accepted, {refused} refused; lines more after one or two saves: {opened}")
    return opened


def finished(kura: Kura, work: Path) -> int:
    """The finished rules and custom script of the demo's gateways, saved twice with both kinds of iptables."""
    opened = 0
    for variant in ("nft", "legacy"):
        place = work / variant
        place.mkdir(parents=True)
        for gateway in network.GATEWAYS:
            layer, _ = firewall.restrict(network.a_golden(), network.an_image(), a_release(), gateway)
            for path, ending in ((network.IPTABLES, "rules"), (network.CUSTOM, "cust")):
                entry = layer.by_path[GuestPath(path)]
                assert isinstance(entry, FileEntry)
                (place / f"{gateway.name}.{ending}").write_bytes(entry.content)
        kura.run("files", place, variant)
        for path in sorted(place.glob("*.before")):
            before = inward(path, five=False)
            for after in (path.with_suffix(".once"), path.with_suffix(".twice")):
                more = inward(after, five=False) - before if after.exists() else {"not saved"}
                if more or path.with_suffix(".thrown").exists() or "connlimit" not in after.read_text():
                    opened += 1
                    print(f"  {variant} {after.name}: {sorted(more)}")
        print(
            f"{kura.version} finished images, {variant}: {len(network.GATEWAYS)} gateways, saved twice, {opened} worse"
        )
    return opened


def inward(path: Path, *, five: bool) -> set[str]:
    """The lines that let something in, and the policies, as iptables-save writes them."""
    found = set()
    # Tables come in any order: the kernel's, and Kura's own.
    for line in path.read_text().partition("*filter\n")[2].partition("\nCOMMIT")[0].splitlines():
        if line.startswith((":INPUT", ":FORWARD")):
            found.add(" ".join(line.split()[:2]))
        elif line.startswith("-A INPUT") or (five and line.startswith("-A input-kura")):
            line = re.sub(r' -m comment --comment (?:"[^"]*"|\S+)', "", line)  # lost, and says nothing
            spelled = iptables.rule(line.replace(" -m tcp", "").replace(" -m udp", "").replace(" -s 0.0.0.0/0", ""))
            if spelled.target not in ("RETURN", "input-kura"):
                found.add(" ".join(sorted(clause.text for clause in spelled.clauses)))
    return found - ECHO  # Kura's own, always


ECHO = {" ".join(sorted(clause.text for clause in iptables.rule(
    "-A INPUT -p icmp -m icmp --icmp-type 8 -m state --state NEW,RELATED,ESTABLISHED -j ACCEPT").clauses))}  # fmt: skip


def main() -> int:
    """Every release in turn; non-zero when something is refused or opens."""
    clone = Path(sys.argv[1])
    counts = [int(word) for word in sys.argv[2:]] or [1000, 400, 96]
    wrong = 0
    with tempfile.TemporaryDirectory() as place:
        for (version, layout), count in zip(
            (("3.0.0", "kura-3"), ("4.1.2", "kura-4"), ("5.0.0", "kura-5-0")), counts, strict=False
        ):
            kura = compiled(clone, version, layout, Path(place) / version)
            wrong += agreement(kura, count, Path(place) / version / "settings")
            wrong += saved_twice(kura, count, Path(place) / version / "files")
            if kura.layout.generation != "C":
                wrong += finished(kura, Path(place) / version / "finished")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
