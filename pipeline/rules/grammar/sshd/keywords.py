"""The keywords sshd knows, by version, and where they may stand (``servconf.c`` of OpenSSH 6.2 to 10.5)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Build:
    """Which sshd reads the file.

    Attributes:
        version: of OpenSSH; None when nobody knows, so that what any version takes is taken.
        debian: whether it has the patches of Debian and its kin; None when nobody knows.
    """

    version: tuple[int, int] | None = None
    debian: bool | None = None

    def before(self, version: tuple[int, int]) -> bool:
        """Whether it is certainly older."""
        return self.version is not None and self.version < version

    def from_on(self, version: tuple[int, int]) -> bool:
        """Whether it is certainly as new, or newer."""
        return self.version is not None and self.version >= version

    @property
    def shown(self) -> str:
        """For messages."""
        return f"OpenSSH {self.version[0]}.{self.version[1]}" if self.version else "OpenSSH"


# Ignored with a warning, whatever is behind them; those with True also in a Match block.
DEPRECATED = {
    **dict.fromkeys("rsaauthentication rhostsrsaauthentication authorizedkeysfile2".split(), True),
    **dict.fromkeys(
        """afstokenpassing checkmail hostdsakey keepalive keyregenerationinterval kerberostgtpassing
        pamauthenticationviakbdint permitblacklistedkeys protocol reversemappingcheck rhostsauthentication serverkeybits
        uselogin useprivilegeseparation verifyreversemapping""".split(),
        False,
    ),
}
_EVERYWHERE = frozenset(
    """acceptenv allowagentforwarding allowgroups allowstreamlocalforwarding allowtcpforwarding allowusers
    authenticationmethods authorizedkeyscommand authorizedkeyscommanduser authorizedkeysfile
    authorizedprincipalscommand authorizedprincipalscommanduser authorizedprincipalsfile banner casignaturealgorithms
    challengeresponseauthentication channeltimeout chrootdirectory clientalivecountmax clientaliveinterval denygroups
    denyusers disableforwarding exposeauthinfo forcecommand gatewayports gssapiauthentication
    hostbasedacceptedalgorithms hostbasedacceptedkeytypes hostbasedauthentication hostbasedusesnamefrompacketonly
    ignorerhosts include ipqos kbdinteractiveauthentication kerberosauthentication loglevel logverbose match
    maxauthtries maxsessions passwordauthentication permitemptypasswords permitlisten permitopen permitrootlogin
    permittty permittunnel permituserrc pubkeyacceptedalgorithms pubkeyacceptedkeytypes pubkeyauthentication
    pubkeyauthoptions rdomain refuseconnection rekeylimit requiredrsasize revokedkeys setenv skeyauthentication
    streamlocalbindmask streamlocalbindunlink subsystem trustedusercakeys unusedconnectiontimeout x11displayoffset
    x11forwarding x11uselocalhost""".split()
)
_OUTSIDE_MATCH = frozenset(
    """addressfamily ciphers compression dsaauthentication fingerprinthash gssapicleanupcreds gssapicleanupcredentials
    gssapistrictacceptorcheck hostcertificate hostkey hostkeyagent hostkeyalgorithms ignoreuserknownhosts
    kerberosgetafstoken kerberosorlocalpasswd kerberosticketcleanup kexalgorithms listenaddress logingracetime macs
    maxstartups modulifile permituserenvironment persourcemaxstartups persourcenetblocksize persourcepenalties
    persourcepenaltyexemptlist pidfile port printlastlog printmotd securitykeyprovider sshdauthpath sshdsessionpath
    strictmodes syslogfacility tcpkeepalive usedns usepam versionaddendum xauthlocation""".split()
)
_DEBIAN = frozenset(
    """debianbanner gssapikeyexchange gssapikexalgorithms gssapistorecredentialsonrekey gssusesessionccache
    gssapiusesessioncredcache""".split()
)
# Patches of other distributions; a Debian sshd stops at them.
_OTHERS = frozenset(
    """authorizedkeyscommandrunas exposeauthenticationmethods gssapidelegatecredentials gssapienablek5users
    gssapiindicators hpndisabled kerberosuniqueccache kerberosuseuserok noneenabled rsaminsize showpatchlevel
    tcprcvbufpoll useblacklist useblocklist x11maxdisplays""".split()
)
# The first version that knows a keyword (release notes); an older one stops at it.
_SINCE = {
    "authenticationmethods": (6, 2), "authorizedkeyscommand": (6, 2), "authorizedkeyscommanduser": (6, 2),
    "rekeylimit": (6, 3), "permittty": (6, 4), "hostcertificate": (5, 6), "hostkeyagent": (6, 4),
    "streamlocalbindmask": (6, 7), "streamlocalbindunlink": (6, 7), "allowstreamlocalforwarding": (6, 7),
    "permituserrc": (6, 7), "fingerprinthash": (6, 8), "hostkeyalgorithms": (7, 0), "pubkeyacceptedkeytypes": (6, 8),
    "hostbasedacceptedkeytypes": (6, 8), "authorizedprincipalscommand": (6, 9),
    "authorizedprincipalscommanduser": (6, 9), "disableforwarding": (7, 4), "exposeauthinfo": (7, 6),
    "rdomain": (7, 7), "setenv": (7, 8), "permitlisten": (7, 8), "casignaturealgorithms": (7, 9),
    "securitykeyprovider": (8, 2), "pubkeyauthoptions": (8, 2), "include": (8, 2), "logverbose": (8, 5),
    "persourcemaxstartups": (8, 5), "persourcenetblocksize": (8, 5), "pubkeyacceptedalgorithms": (8, 5),
    "hostbasedacceptedalgorithms": (8, 5), "modulifile": (8, 5), "requiredrsasize": (9, 1), "channeltimeout": (9, 2),
    "unusedconnectiontimeout": (9, 2), "persourcepenalties": (9, 8), "persourcepenaltyexemptlist": (9, 8),
    "sshdsessionpath": (9, 8), "refuseconnection": (9, 9), "sshdauthpath": (10, 0),
}  # fmt: skip


def unknown(keyword: str, build: Build) -> str | None:
    """Why sshd stops at a keyword wherever it stands; None when it knows it."""
    if keyword in DEPRECATED or keyword in _EVERYWHERE or keyword in _OUTSIDE_MATCH:
        since = _SINCE.get(keyword)
        return f"{build.shown} does not know it" if since and build.before(since) else None
    if keyword in _DEBIAN:
        return "only Debian's OpenSSH knows it" if build.debian is False else None
    if keyword in _OTHERS:
        return "Debian's OpenSSH does not know it" if build.debian else None
    return "OpenSSH has no such keyword"


def outside_match_only(keyword: str) -> bool:
    """Whether sshd stops at a known keyword when it stands in a ``Match`` block."""
    return not (keyword in _EVERYWHERE or DEPRECATED.get(keyword, False)) and keyword not in _OTHERS
