"""What pppd refuses in a peer's options (``options.c``; 2.4.9 and 2.5.2): it then does not dial."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.formats.network import ppp_peer
from pipeline.formats.network.ppp_peer import WITH_VALUE

Refusal = tuple[int, str]
"""Line and what is refused; never a value."""

_FLAGS = frozenset(
    """+chap +ipv6 +mppe +mschap +mschap-v2 +pap --help -ac -all -am -bsdcomp -chap -crtscts -d -deflate -detach -ip
    -mn -mru -p -pap -pc -predictor1 -proxyarp -vj -vjccomp auth cdtrcts chapms-strip-domain crtscts debug
    default-asyncmap default-mru defaultroute defaultroute6 demand dryrun dump enable-session full hide-password
    ipcp-accept-local ipcp-accept-remote ipcp-no-address ipcp-no-addresses ipv6cp-accept-local
    ipv6cp-accept-remote ipv6cp-use-ipaddr ipv6cp-use-persistent ktune lcp-echo-adaptive local lock login modem mp
    mppe-stateful mpshortseq multilink need-peer-eap noaccomp noauth nobsdcomp noccp nocdtrcts nocrtscts
    nodefaultroute nodefaultroute6 nodeflate nodeflatedraft nodetach noecp noendpoint noip noipdefault noipv6
    noipx noktune nolock nolog nologfd nomagic nomp nomppe nomppe-128 nomppe-40 nomppe-stateful nompshortseq
    nomultilink nopcomp nopersist nopredictor1 noproxyarp noremoteip noreplacedefaultroute nosendip notty novj
    novjccomp null papcrypt passive persist predictor1 proxyarp receive-all refuse-chap refuse-eap refuse-mschap
    refuse-mschap-v2 refuse-pap replacedefaultroute require-chap require-eap require-mppe require-mppe-128
    require-mppe-40 require-mschap require-mschap-v2 require-pap show-password silent sync tty updetach
    usehostname usepeerdns xonxoff zero""".split()
)
# Only older versions have a protocol of Novell's.
_IPX = frozenset(
    """-ipx ipx ipx-network ipx-node ipx-router-name ipx-routing ipxcp-accept-local ipxcp-accept-network
    ipxcp-accept-remote ipxcp-max-configure ipxcp-max-failure ipxcp-max-terminate ipxcp-restart""".split()
)
_NUMBERS = re.compile(
    r".*(?:-interval|-failure|-restart|-timeout|-configure|-terminate|-challenge|-authreq|-slots|-attempts|-delay)"
    r"|mtu|mru|mrru|idle|maxfail|maxconnect|unit|defaultroute-metric|kdebug|logfd|child-timeout|.*-max-[rs]req"
    r"|default-mru"
)
_FORMS = {
    "asyncmap": r"[0-9a-fA-F]+", "ms-dns": r"\d+(?:\.\d+){3}|[a-z][a-z0-9.-]*\.[a-z]+", "set": r"[^=]+=.*",
    "ms-wins": r"\d+(?:\.\d+){3}",
    "endpoint": r"null|local:[0-9a-fA-F.:]+|IP:[0-9.]+|MAC:[0-9a-fA-F:]+|magic:.*|phone:.*",
    "holdoff": r"\d.*",
}  # fmt: skip
_DEVICE = re.compile(r"/dev/\S+|tty\w+|\d+|[0-9.]+:[0-9.]*|:[0-9.]+|[0-9]+(?:\.[0-9]+){3}")


def refusals(text: str, *, ipx: bool = True) -> Iterator[Refusal]:
    """Everything pppd refuses.

    Args:
        ipx: whether this version still has the options of IPX (before 2.5).
    """
    problems = ppp_peer.problems_of(text)
    if problems:
        yield from problems
        return
    for number, option, value in ppp_peer.parse(text, "").options:
        known = option in _FLAGS or option in WITH_VALUE
        if option in _IPX:
            known = ipx
        if not known and not _DEVICE.fullmatch(option):
            yield number, f"pppd knows no option {option[:40]!r}"
        elif option in WITH_VALUE and not value:
            yield number, f"{option} needs a value"
        elif value and _NUMBERS.fullmatch(option) and not re.fullmatch(r"\d+|0[xX][0-9a-fA-F]+", value[0]):
            yield number, f"{option} needs a number"
        elif value and option in _FORMS and not re.fullmatch(_FORMS[option], value[0]):
            yield number, f"{option} does not take its value"
