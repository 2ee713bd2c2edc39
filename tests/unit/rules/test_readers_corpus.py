"""What we say of a file is what its real reader says: on hundreds of inputs, of Debian 12's and Debian 13's programs.

The verdicts are recorded (``tests/readers``), so nothing is run here; ``python -m tests.readers.ask`` asks again.
"""

from __future__ import annotations

import pytest

from pipeline.formats.network import chat_script
from tests.readers import corpus
from tests.readers.agree import agreement
from tests.readers.emulations import EMULATIONS, rootly

RELEASES = {"debian-12", "debian-13"}
# Refused by us, taken by the program: each for a reason of ours.
KNOWN_FALSE_ALARMS: dict[str, set[str]] = {
    # A size with a minus sign, which the program takes for nearly all there is.
    "fw_printenv": {f"{release}: ENV 0x0 -0x4000" for release in RELEASES},
    # Given twice, older versions refuse it and newer ones differ in which of the two counts.
    "ifup": {
        f"{release}: static with {twice}"
        for release in RELEASES
        for twice in ("gateway 192.0.2.254 and gateway 192.0.2.253", "address 192.0.2.7")
    },
    # One word for option and value: 1.8.9 and 1.8.11 read it differently, so nobody should write it.
    "ip6tables-restore": {
        "debian-13: -A INPUT -ptcp --dport 22 -jACCEPT",
        "debian-13: -A INPUT --protocol=tcp --jump=ACCEPT",
        "debian-13: -A INPUT --in-interface=eth0 -jDROP",
        "debian-12: -A INPUT -ieth0 -j DROP",
        "debian-13: -A INPUT -ieth0 -j DROP",
    },
    # The same; a mask with holes, which no packet can be walked through; counters that 1.8.11 refuses.
    "iptables-restore": {
        "debian-13: -A INPUT -ptcp --dport 22 -jACCEPT",
        "debian-13: -A INPUT --protocol=tcp --jump=ACCEPT",
        "debian-13: -A INPUT --in-interface=eth0 -jDROP",
        "debian-12: -A INPUT -ieth0 -j DROP",
        "debian-13: -A INPUT -ieth0 -j DROP",
        "debian-12: -A INPUT -s 192.0.2.0/0.0.0.255 -j ACCEPT",
        "debian-13: -A INPUT -s 192.0.2.0/0.0.0.255 -j ACCEPT",
        "debian-12: chain :INPUT DROP [a:b]",
        "debian-12: chain :INPUT DROP [0]",
        "debian-12: chain :INPUT DROP 0:0",
    },
    "sshd": {"debian-13: in Match of another user: Subsystem sftp"},
}


@pytest.mark.parametrize("program", sorted(EMULATIONS))
def test_nothing_passes_that_the_program_refuses(program: str) -> None:
    assert agreement(program).wrong == ()


# Java's own reader takes manifests that its signer or Equinox take for something else; ours is as strict as they are.
STRICTER = {"java-manifest"}


@pytest.mark.parametrize("program", sorted({*EMULATIONS} - STRICTER))
def test_false_alarms_are_few_and_known(program: str) -> None:
    found = agreement(program)
    assert {*found.false} == KNOWN_FALSE_ALARMS.get(program, set())
    assert len(found.false) * 100 < found.asked


# No rule of ours says that these will start: their programs are asked, and the corpus is for the readers' meanings.
ONLY_ASKED = {"named-checkconf", "dhcpd", "dropbear", "dropbearkey", "monit", "sysctl", "systemd-analyze"}


@pytest.mark.parametrize("program", corpus.programs())
def test_every_input_was_asked_of_both_releases(program: str) -> None:
    inputs = corpus.recorded(program)
    assert len(inputs) >= 60
    assert {one.name for one in inputs if {*one.verdicts} != RELEASES} == set()
    verdicts = {verdict for one in inputs for verdict in one.verdicts.values()}
    assert verdicts == {"accept", "refuse"}, "inputs of both kinds"
    assert (program in EMULATIONS) != (program in ONLY_ASKED)


# cvtsudoers names no kind of binding, so it cannot say that a default of run-as users holds for everybody; a circle of
# aliases means nobody; and whoever may be everybody but root is not root.
OTHERWISE = {
    "alice ALL=(!root) ALL",
    "Defaults:!alice !authenticate",
    "an alias in a circle",
    "no password by a default of run-as",
}


def test_who_becomes_root_is_what_cvtsudoers_says() -> None:
    differ = set()
    for one in corpus.recorded("visudo"):
        for said in one.effective.values():
            if sorted({(who, asked) for who, _, asked in said}) != sorted({*map(tuple, rootly(one.data))}):
                differ.add(one.name)
    assert differ == OTHERWISE


def test_the_access_point_name_is_what_the_real_chat_sends() -> None:
    """Never one of a comment, and of several contexts the first."""
    asked = 0
    for one in corpus.recorded("chat"):
        for release, contexts in one.effective.items():
            apn = chat_script.parse(one.text, "f").apn if one.verdicts[release] == "accept" else ""
            if apn:
                asked += 1
                assert f'"{apn}"' in contexts[0], one.name
    assert asked > 20
