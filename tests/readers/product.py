"""Put every input of the corpus to the product's own readers, and compare with what was recorded of the real programs.

    python -m tests.readers.product ROOT --as debian-12 [PROGRAM ...]

ROOT is a tree with the programs, such as mmdebstrap makes. The product's sandbox asks them as it does in an image
(`tests.support.readers.machine`), so that this is about the readers' questions and meanings, not about the rules. Needs
root. Outside CI: two thousand inputs take ten minutes. Ends with 1 when a reader says yes where the program refused.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pipeline.model.reader_answer import ReaderVerdict
from pipeline.readers.all_readers import READERS
from tests.readers import corpus
from tests.support.readers.machine import ask_machine

# The corpus calls a program by its name, the product a reader by its own; and where its file lies.
_PLACES = {
    "sshd": ("sshd", "/etc/ssh/sshd_config"),
    "iptables-restore": ("iptables", "/etc/sysconfig/iptables"),
    "ip6tables-restore": ("ip6tables", "/etc/sysconfig/ip6tables"),
    "ifup": ("ifupdown", "/etc/network/interfaces"),
    "visudo": ("sudo", "/etc/sudoers"),
    "named-checkconf": ("named", "/etc/bind/named.conf"),
    "dhcpd": ("dhcpd", "/etc/dhcpd-eth0.conf"),
    "hostapd": ("hostapd", "/etc/hostapd-wlan0.conf"),
    "wpa_supplicant": ("wpa_supplicant", "/etc/wpa_supplicant-wlan0.conf"),
    "pppd": ("pppd", "/etc/ppp/peers/link"),
    "chat": ("chat", "/etc/ppp/scripts/chat_link"),
    "monit": ("monit", "/etc/monit/monitrc"),
    "udhcpd": ("udhcpd", "/etc/udhcpd-wlan0.conf"),
    "sysctl": ("sysctl", "/etc/sysctl.d/90-own.conf"),
}
_AT_ONCE = 60  # inputs in one run: each has an overlay of its own


def main() -> int:
    """Ask, and count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path)
    parser.add_argument("programs", nargs="*")
    parser.add_argument("--as", dest="release", default="debian-12")
    given = parser.parse_args()
    wrong = 0
    for program in given.programs or corpus.programs():
        if program in _PLACES:
            wrong += _compare(program, given.root, given.release)
    return 1 if wrong else 0


def _compare(program: str, root: Path, release: str) -> int:
    reader_id, place = _PLACES[program]
    readers = [reader for reader in READERS if reader.id == reader_id]
    recorded = {name: verdicts.get(release) for name, verdicts in corpus.record(program)["verdicts"].items()}
    inputs = [(name, data) for name, data in corpus.inputs(program).items() if recorded.get(name)]
    told: dict[str, tuple[ReaderVerdict, str]] = {}
    for start in range(0, len(inputs), _AT_ONCE):
        batch = inputs[start : start + _AT_ONCE]
        for (name, _), answers in zip(
            batch, ask_machine(root, [{place: data} for _, data in batch], readers), strict=True
        ):
            mine = [answer for answer in answers if answer.subject == place]
            told[name] = (mine[0].verdict, mine[0].message) if mine else (ReaderVerdict.NOT_ASKED, "no question")
    passes = [
        name for name, (verdict, _) in told.items() if verdict is ReaderVerdict.YES and recorded[name] == "refuse"
    ]
    alarms = [name for name, (verdict, _) in told.items() if verdict is ReaderVerdict.NO and recorded[name] == "accept"]
    unasked = [name for name, (verdict, _) in told.items() if verdict is ReaderVerdict.NOT_ASKED]
    agree = len(told) - len(passes) - len(alarms) - len(unasked)
    print(f"{program} {release}: {len(told)} inputs, {agree} agree, {len(passes)} yes where it refuses, "
          f"{len(alarms)} no where it accepts, {len(unasked)} not asked")  # fmt: skip
    for kind, names in (("PASS", passes), ("ALARM", alarms), ("UNASKED", unasked)):
        for name in names:
            print(f"  {kind} {name}: {told[name][1]}")
    return len(passes)


if __name__ == "__main__":
    sys.exit(main())
