"""Matches and targets of iptables 1.8: their options, what these take, and where they may stand.

An option is written ``--name=kind``, with ``!`` where it may be negated, and several kinds where it takes several
values. What is named in `KNOWN_MATCHES` and `KNOWN_TARGETS` alone is an extension whose options nobody judges.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Option:
    """One option: what it takes, and whether it may be negated."""

    kinds: tuple[str, ...]
    negated: bool


@dataclass(frozen=True)
class Extension:
    """A match or target.

    Attributes:
        one_of: of these options at least one must stand there; empty where none needs to.
        needs: all of these must.
        apart: of these at most one may.
        protocols: ``-p`` must be one of these; empty for any.
        tables / chains: where it may stand; empty for anywhere.
    """

    options: Mapping[str, Option]
    one_of: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()
    apart: frozenset[str] = frozenset()
    protocols: frozenset[str] = frozenset()
    tables: frozenset[str] = frozenset()
    chains: frozenset[str] = frozenset()


def _of(
    options: str = "",
    *,
    one_of: str = "",
    needs: str = "",
    apart: str = "",
    protocols: str = "",
    tables: str = "",
    chains: str = "",
) -> Extension:
    table: dict[str, Option] = {}
    for word in options.split():
        name, _, kinds = word.partition("=")
        table[name.rstrip("!")] = Option(
            tuple(kind.replace("_", " ") for kind in kinds.split(",") if kind), name.endswith("!")
        )
    split = (frozenset(text.split()) for text in (one_of, needs, apart, protocols, tables, chains))
    return Extension(table, *split)


_PORTS = "--sport!=port --dport!=port"
_TCP, _UDP, _ICMP, _ICMP6 = "tcp 6", "udp 17", "icmp 1", "icmpv6 ipv6-icmp 58"

MATCHES: Mapping[str, Extension] = {
    "tcp": _of(f"{_PORTS} --syn! --tcp-flags!=flags,flags --tcp-option!=byte", protocols=_TCP),
    "udp": _of(_PORTS, protocols=_UDP),
    "sctp": _of(f"{_PORTS} --chunk-types!=word,word", protocols="sctp 132"),
    "dccp": _of(f"{_PORTS} --dccp-types!=word --dccp-option!=byte", protocols="dccp 33"),
    "icmp": _of("--icmp-type!=icmp", one_of="--icmp-type", protocols=_ICMP),
    "icmp6": _of("--icmpv6-type!=icmp6", one_of="--icmpv6-type", protocols=_ICMP6),
    "esp": _of("--espspi!=word", protocols="esp 50 ipv6-crypt"),
    "ah": _of("--ahspi!=word", protocols="ah 51 ipv6-auth"),
    "multiport": _of(
        "--dports!=ports --sports!=ports --dport!=ports --sport!=ports --ports!=ports",
        one_of="--dports --sports --dport --sport --ports", apart="--dports --sports --dport --sport --ports",
        protocols=f"{_TCP} {_UDP} udplite 136 sctp 132 dccp 33",
    ),
    "state": _of("--state!=states", one_of="--state"),
    "conntrack": _of(
        "--ctstate!=ctstates --ctproto!=word --ctorigsrc!=word --ctorigdst!=word --ctreplsrc!=word --ctrepldst!=word"
        " --ctorigsrcport!=range --ctorigdstport!=range --ctreplsrcport!=range --ctrepldstport!=range"
        " --ctstatus!=word --ctexpire!=range --ctdir=word",
        one_of="--ctstate --ctproto --ctorigsrc --ctorigdst --ctreplsrc --ctrepldst --ctorigsrcport --ctorigdstport"
        " --ctreplsrcport --ctrepldstport --ctstatus --ctexpire --ctdir",
    ),
    "comment": _of("--comment=text", one_of="--comment"),
    "limit": _of("--limit=rate --limit-burst=burst"),
    "hashlimit": _of(
        "--hashlimit=rate --hashlimit-upto!=rate --hashlimit-above!=rate --hashlimit-burst=word --hashlimit-mode=modes"
        " --hashlimit-srcmask=byte --hashlimit-dstmask=byte --hashlimit-name=word --hashlimit-htable-size=long"
        " --hashlimit-htable-max=long --hashlimit-htable-expire=long --hashlimit-htable-gcinterval=long"
        " --hashlimit-rate-match --hashlimit-rate-interval=long",
        needs="--hashlimit-name", one_of="--hashlimit-upto --hashlimit-above --hashlimit",
        apart="--hashlimit-upto --hashlimit-above --hashlimit",
    ),
    "recent": _of(
        "--set! --rcheck! --update! --remove! --seconds=positive --hitcount=positive --reap --rttl --name=word"
        " --rsource --rdest --mask=word",
        one_of="--set --rcheck --update --remove", apart="--set --rcheck --update --remove",
    ),
    "mac": _of("--mac-source!=mac", one_of="--mac-source", chains="PREROUTING INPUT FORWARD"),
    "iprange": _of("--src-range!=addresses --dst-range!=addresses", one_of="--src-range --dst-range"),
    "pkttype": _of("--pkt-type!=packets", one_of="--pkt-type"),
    "addrtype": _of(
        "--src-type!=types --dst-type!=types --limit-iface-in --limit-iface-out", one_of="--src-type --dst-type"
    ),
    "connlimit": _of(
        "--connlimit-upto!=long --connlimit-above!=long --connlimit-mask=byte --connlimit-saddr --connlimit-daddr",
        one_of="--connlimit-upto --connlimit-above", apart="--connlimit-upto --connlimit-above",
    ),
    "owner": _of(
        "--uid-owner!=user --gid-owner!=user --socket-exists! --suppl-groups",
        one_of="--uid-owner --gid-owner --socket-exists", chains="OUTPUT POSTROUTING",
    ),
    "mark": _of("--mark!=mark", one_of="--mark"),
    "connmark": _of("--mark!=mark", one_of="--mark"),
    "ttl": _of("--ttl-eq!=byte --ttl-lt=byte --ttl-gt=byte --ttl!=byte",
               one_of="--ttl-eq --ttl-lt --ttl-gt --ttl"),
    "hl": _of("--hl-eq!=byte --hl-lt=byte --hl-gt=byte", one_of="--hl-eq --hl-lt --hl-gt"),
    "length": _of("--length!=range", one_of="--length"),
    "string": _of(
        "--string!=text --hex-string!=text --algo=word --from=short --to=short --icase", one_of="--algo",
    ),
    "time": _of(
        "--timestart=time --timestop=time --datestart=word --datestop=word --monthdays!=word --weekdays!=word"
        " --kerneltz --contiguous --utc --localtz"
    ),
    "set": _of("--match-set!=word,word --return-nomatch", one_of="(a set that exists when the rules are loaded)"),
    "cluster": _of(
        "--cluster-total-nodes=long --cluster-local-node!=long --cluster-local-nodemask!=word --cluster-hash-seed=long",
        one_of="--cluster-local-node --cluster-local-nodemask",
    ),
}  # fmt: skip
KNOWN_MATCHES = frozenset(MATCHES) | frozenset(
    """bpf cgroup connbytes connlabel cpu devgroup dscp dst ecn eui64 frag hbh helper ipcomp ipv6header ipvs mh nfacct
    osf physdev policy quota rateest realm rpfilter rt socket srh standard statistic tcpmss tos u32 udplite
    account condition dnetmap fuzzy geoip iface ipp2p ipv4options length2 lscan pknock psd quota2""".split()
)
ONLY_V4 = frozenset({"icmp", "ttl", "realm"})
ONLY_V6 = frozenset({"icmp6", "hl", "dst", "eui64", "frag", "hbh", "ipv6header", "mh", "rt", "srh"})

_NAT = {"tables": "nat"}
TARGETS: Mapping[str, Extension] = {
    "ACCEPT": _of(),
    "DROP": _of(tables="filter mangle raw security"),
    "RETURN": _of(),
    "REJECT": _of("--reject-with=reject", tables="filter"),
    "LOG": _of(
        "--log-level=level --log-prefix=text --log-tcp-sequence --log-tcp-options --log-ip-options --log-uid"
        " --log-macdecode"
    ),
    "NFLOG": _of("--nflog-group=short --nflog-prefix=text --nflog-range=long --nflog-size=long --nflog-threshold=long"),
    "NFQUEUE": _of(
        "--queue-num=short --queue-balance=word --queue-bypass --queue-cpu-fanout", apart="--queue-num --queue-balance"
    ),
    "MASQUERADE": _of("--to-ports=dashed_ports --random --random-fully", chains="POSTROUTING", **_NAT),
    "SNAT": _of(
        "--to-source=translated --random --random-fully --persistent", one_of="--to-source",
        chains="POSTROUTING INPUT", **_NAT,
    ),
    "DNAT": _of(
        "--to-destination=translated --random --persistent", one_of="--to-destination", chains="PREROUTING OUTPUT",
        **_NAT,
    ),
    "REDIRECT": _of("--to-ports=dashed_ports --random", chains="PREROUTING OUTPUT", **_NAT),
    "NETMAP": _of("--to=word", one_of="--to", **_NAT),
    "MARK": _of(
        "--set-mark=mark --set-xmark=mark --and-mark=mark --or-mark=mark --xor-mark=mark",
        one_of="--set-mark --set-xmark --and-mark --or-mark --xor-mark",
    ),
    "TCPMSS": _of(
        "--set-mss=short --clamp-mss-to-pmtu", one_of="--set-mss --clamp-mss-to-pmtu",
        apart="--set-mss --clamp-mss-to-pmtu", protocols=_TCP, chains="FORWARD OUTPUT POSTROUTING",
    ),
    "CT": _of(
        "--notrack --helper=word --timeout=word --ctevents=word --expevents=word --zone=word --zone-orig=word"
        " --zone-reply=word", tables="raw",
    ),
    "NOTRACK": _of(tables="raw"),
    "CLASSIFY": _of("--set-class=word", one_of="--set-class", tables="mangle", chains="POSTROUTING FORWARD OUTPUT"),
    "TOS": _of("--set-tos=word --and-tos=word --or-tos=word --xor-tos=word", tables="mangle"),
    "DSCP": _of("--set-dscp=word --set-dscp-class=word", tables="mangle"),
    "TTL": _of("--ttl-set=byte --ttl-dec=byte --ttl-inc=byte", tables="mangle"),
    "HL": _of("--hl-set=byte --hl-dec=byte --hl-inc=byte", tables="mangle"),
}  # fmt: skip
KNOWN_TARGETS = frozenset(TARGETS) | frozenset(
    """AUDIT CHECKSUM CLUSTERIP CONNMARK CONNSECMARK DNPT ECN HMARK IDLETIMER LED NAT RATEEST SECMARK SET SNPT SYNPROXY
    TCPOPTSTRIP TEE TPROXY TRACE ACCOUNT CHAOS DELUDE DHCPMAC DNETMAP ECHO IPMARK LOGMARK PROTO SYSRQ TARPIT""".split()
)
# What -p brings with it where an option is not known otherwise.
IMPLICIT = {
    "tcp": "tcp", "6": "tcp", "udp": "udp", "17": "udp", "sctp": "sctp", "132": "sctp", "dccp": "dccp", "33": "dccp",
    "icmp": "icmp", "1": "icmp", "icmpv6": "icmp6", "ipv6-icmp": "icmp6", "58": "icmp6", "esp": "esp", "50": "esp",
    "ah": "ah", "51": "ah",
}  # fmt: skip
PROTOCOLS = frozenset(
    """all tcp udp udplite icmp icmpv6 ipv6-icmp esp ah sctp dccp gre igmp ospf vrrp pim ipip ipencap ip ipv6 ipv6-route
    ipv6-frag ipv6-nonxt ipv6-opts mh l2tp rsvp egp igp ggp hmp idp ddp skip eigrp isis etherip encap ipcomp hip
    """.split()
)
BUILT_IN: Mapping[str, tuple[str, ...]] = {
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "raw": ("PREROUTING", "OUTPUT"),
    "security": ("INPUT", "FORWARD", "OUTPUT"),
}
