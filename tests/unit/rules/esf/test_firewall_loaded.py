"""Who loads the firewall at boot: the shapes that genuine installers leave, and those that load nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.model.image_view import ImageView
from pipeline.model.rule import Judgement, RuleOutcome
from tests.support import esf_view
from tests.support.esf.edits import Edit, both, gone, link, mode, put
from tests.support.network import NORTH
from tests.unit.rules.esf.test_every_rule import look

RULES = "/etc/sysconfig/iptables"
UNIT = "/usr/lib/systemd/system/firewall.service"
WANTED = "/etc/systemd/system/multi-user.target.wants/firewall.service"
SCRIPT = "/opt/eclipse/kura/bin/firewall"
PASS, FAIL, UNSEEN = RuleOutcome.PASS, RuleOutcome.FAIL, RuleOutcome.UNVERIFIABLE

# As the installers of 5.0 to 5.6 leave it, in our own words: a path in a variable, restored, chains made afterwards.
GENUINE = f"""\
#!/bin/bash
rules={RULES}
rules6=/etc/sysconfig/ip6tables
chains() {{
    for chain in input-kura output-kura forward-kura; do
        if ! "$1" -C "${{chain%%-*}}" -j "$chain" -t filter; then
            "$1" -N "$chain" -t filter
            "$1" -I INPUT -t filter -j "$chain"
        fi
    done
}}
policies() {{
    policy=$("$1" -nL -t filter | grep INPUT)
    if [[ "$policy" == *ACCEPT* ]]; then "$1" -P INPUT DROP; fi
    if [[ "$policy" == *DROP* ]]; then "$1" -P OUTPUT ACCEPT; fi
}}
if [ -f $rules ]; then
    iptables-restore < $rules
fi
if [ -f $rules6 ]; then
    ip6tables-restore < $rules6
fi
chains iptables; policies iptables
chains ip6tables; policies ip6tables
if [ -f /etc/init.d/firewall_cust ]; then
    source /etc/init.d/firewall_cust 2> /dev/null
fi
"""


def unit(command: str, more: str = "") -> str:
    service = f"[Service]\nType=oneshot\nExecStart={command}\n"
    return f"[Unit]\nDescription=Firewall\n{more}\n{service}[Install]\nWantedBy=multi-user.target\n"


def systemd(command: str, script: str = "", more: str = "", wanted: str = WANTED) -> Edit:
    """The unit enabled as `systemctl enable` does it, in the place of an init script."""
    edits = [gone("/etc/init.d/firewall"), gone("/etc/rc2.d/S02firewall"), put(UNIT, unit(command, more))]
    edits += [put(f"{wanted.rpartition('/')[0]}/other.txt", ""), link(wanted, UNIT)]
    if script:
        edits.append(put(SCRIPT, script, 0o700))
    return both(*edits)


def judged(*edits: Edit, init: str = "systemd") -> Judgement:
    view: ImageView = replace(esf_view.hardened(NORTH.name), init=init)
    return look(both(*edits)(view), "firewall.loaded")


CALL = f"/bin/bash {SCRIPT}"
DROP_IN = put(f"{UNIT}.d/own.conf", f"[Service]\nExecStart=\nExecStart={CALL}\n")
BASIC = "/etc/systemd/system/basic.target.wants/firewall.service"
NO_SCRIPT = gone("/etc/init.d/firewall")
LINE = f"fw:2345:wait:/bin/sh -c 'iptables-restore < {RULES}'"


@pytest.mark.parametrize(
    ("edit", "init"),
    [
        (systemd(CALL, GENUINE), "systemd"),
        (systemd(SCRIPT, GENUINE), "systemd"),
        (systemd(f"-/bin/sh -c '{SCRIPT}'", GENUINE), "systemd"),
        (systemd(f"/bin/sh -c 'iptables-restore < {RULES}'"), "systemd"),
        (systemd(f"/usr/sbin/iptables-restore {RULES}"), "systemd"),
        (systemd(CALL, ". /etc/default/fw\niptables-restore < $FILE\n"), "systemd"),
        (both(systemd("/bin/true", GENUINE), DROP_IN), "systemd"),
        (systemd("/usr/libexec/iptables/iptables.init start"), "systemd"),
        (systemd(CALL, GENUINE, wanted=BASIC), "systemd"),
        (both(NO_SCRIPT, put("/etc/rc.local", f"#!/bin/sh\niptables-restore < {RULES}\n", 0o755)), "sysv"),
        (both(NO_SCRIPT, put("/etc/inittab", f"id:2:initdefault:\n{LINE}\n")), "sysv"),
    ],
)
def test_what_loads_it(edit: Edit, init: str) -> None:
    found = judged(put("/etc/default/fw", f"FILE={RULES}\n"), edit, init=init)
    assert found.outcome is PASS, found


@pytest.mark.parametrize(
    ("edit", "shown"),
    [
        (systemd(CALL, GENUINE.replace("    iptables-restore", "    #iptables-restore")), "does not load"),
        (systemd(CALL, GENUINE.replace("    iptables-restore < $rules\n", "    :\n")), "does not load"),
        (systemd(CALL, "#!/bin/sh\n# iptables-restore < /etc/sysconfig/iptables\nexit 0\n"), "does not load"),
        (systemd(CALL, f"#!/bin/sh\nexit 0\niptables-restore < {RULES}\n"), "does not load"),
        (systemd(CALL, f"#!/bin/sh\nload() {{ iptables-restore < {RULES}; }}\n"), "does not load"),
        (systemd(CALL, GENUINE.replace(f"rules={RULES}", "rules=/etc/other")), "does not load"),
        (systemd(CALL, f"iptables-restore --test < {RULES}\n"), "does not load"),
        (systemd(CALL, "iptables-restore < /etc/fw/open\n"), "loads /etc/fw/open"),
        (systemd(CALL, GENUINE + "iptables -F\n"), "takes the loaded rules away: iptables -F"),
        (systemd(CALL, GENUINE + "iptables -P INPUT ACCEPT\n"), "takes the loaded rules away"),
        (systemd(CALL, GENUINE + "iptables-restore < /etc/fw/open\n"), "loads /etc/fw/open as well"),
        (systemd(CALL, GENUINE, more="ConditionPathExists=/etc/not-there"), "nothing that is started"),
        (systemd(CALL, GENUINE, wanted="/etc/systemd/system/rescue.target.wants/firewall.service"), "nothing that is"),
        (both(systemd(CALL, GENUINE), link("/etc/systemd/system/firewall.service", "/dev/null")), "nothing that is"),
        (both(systemd(CALL, GENUINE), gone(WANTED)), "nothing that is started"),
        (both(systemd(CALL, GENUINE), put(f"{UNIT}.d/x.conf", "[Service]\nExecStart=\n")), "does not load"),
    ],
)  # fmt: skip
def test_what_does_not(edit: Edit, shown: str) -> None:
    found = judged(edit)
    assert found.outcome is FAIL, found
    assert any(shown in breach.found for breach in found.breaches), found


@pytest.mark.parametrize(
    "edit",
    [
        systemd(CALL, "#!/bin/sh\niptables-restore < $(cat /etc/which)\n"),
        systemd(CALL, f'#!/bin/sh\nif [ "$(uname -m)" = x86_64 ]; then iptables-restore < {RULES}; fi\n'),
        systemd(CALL, "#!/bin/sh\neval $(base64 -d /etc/fw.b64)\n"),
        systemd(CALL, "#!/bin/sh\n. $(dirname $(readlink /proc/self/exe))/fw\n"),
        systemd(CALL, f"#!/bin/sh\n[ -e /run/late ] && exit 0\niptables-restore < {RULES}\n"),
        systemd(CALL, f"#!/bin/sh\nif iptables-restore < {RULES}\n"),
    ],
)
def test_what_is_not_to_be_seen_never_passes(edit: Edit) -> None:
    found = judged(edit)
    assert found.outcome is UNSEEN, found
    assert "not to be seen" in found.why


def test_a_script_that_init_cannot_run_is_not_run() -> None:
    assert judged(mode("/etc/init.d/firewall", 0o644), init="sysv").outcome is FAIL
