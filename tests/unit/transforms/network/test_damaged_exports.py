"""A golden sample with one damaged file builds or is refused by name; it never ends in a traceback."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.errors import PipelineError
from pipeline.model.golden import Golden
from pipeline.transforms import firewall, network
from tests.support.network import AS_GOLDEN, DHCPD, INTERFACES, a_golden, an_image, committed
from tests.support.release import a_release, some_secrets

DOWNLOADED = next((Path(__file__).resolve().parents[4] / "golden").glob("snapshot_*.xml")).read_bytes()
BUSYBOX = (
    "start 192.168.10.100\nend 192.168.10.110\ninterface eth0\nopt subnet 255.255.255.0\nopt router 192.168.10.1\n"
    "opt lease 7200\nopt dns 192.168.10.1\n"
)
GOLDEN = a_golden(
    {
        DHCPD: None,
        "/etc/udhcpd-eth0.conf": BUSYBOX,
        INTERFACES: committed(INTERFACES) + "source interfaces.d/*\n",
        "/etc/network/interfaces.d/bridge": "auto br0\niface br0 inet static\n\taddress 10.7.0.1/24\n",
    },
    snapshot=DOWNLOADED,
)
IMAGE, RELEASE, SECRETS = an_image(), a_release(), some_secrets()
WORDS = st.sampled_from(
    ["", "0", "-1", "999.1.2.3", "192.168.10.1/99", "x", "#", "{", "}", ";", '"', "true", "255.255.255.256", "\0", "é"]
)


@st.composite
def damaged(draw: st.DrawFn) -> Golden:
    """The golden sample with lines of one file lost, doubled, or changed by a word."""
    path = draw(st.sampled_from(sorted(GOLDEN.network)))
    lines = GOLDEN.network[path].decode().split("\n")
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(lines) - 1))
        how = draw(st.integers(0, 3))
        if how == 0 and len(lines) > 1:
            del lines[place]
        elif how == 1:
            lines.insert(place, lines[draw(st.integers(0, len(lines) - 1))])
        else:
            words = lines[place].replace("=", " = ").replace(",", " , ").split(" ")
            words[draw(st.integers(0, len(words) - 1))] = draw(WORDS)
            lines[place] = ("" if "=" in lines[place] else " ").join(words)
    return replace(GOLDEN, network={**GOLDEN.network, path: "\n".join(lines).encode()})


@given(damaged())
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_it_builds_or_is_refused(golden: Golden) -> None:
    with contextlib.suppress(PipelineError):
        network.restore(golden, IMAGE, RELEASE, AS_GOLDEN, SECRETS)
    with contextlib.suppress(PipelineError):
        firewall.restrict(golden, IMAGE, RELEASE, AS_GOLDEN)


def test_undamaged_it_builds() -> None:
    assert network.restore(GOLDEN, IMAGE, RELEASE, AS_GOLDEN, SECRETS)[0].entries
    assert firewall.restrict(GOLDEN, IMAGE, RELEASE, AS_GOLDEN)[0].entries
