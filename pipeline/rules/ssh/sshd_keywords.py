"""What sshd takes, keywords and their values: anything else, wherever it stands, keeps it from starting."""

from __future__ import annotations

from pipeline.formats.ssh.sshd_config import Statement

# The table of OpenSSH 9.2 (servconf.c), what came up to 10.5, what distributions add, and what older ones had: a
# deprecated keyword is a warning, an unknown one is fatal.
_KNOWN = frozenset(
    """acceptenv addressfamily afstokenpassing allowagentforwarding allowgroups allowstreamlocalforwarding
    allowtcpforwarding allowusers authenticationmethods authorizedkeyscommand authorizedkeyscommanduser
    authorizedkeysfile authorizedkeysfile2 authorizedprincipalscommand authorizedprincipalscommanduser
    authorizedprincipalsfile banner casignaturealgorithms challengeresponseauthentication channeltimeout checkmail
    chrootdirectory ciphers clientalivecountmax clientaliveinterval compression debianbanner denygroups denyusers
    disableforwarding dsaauthentication exposeauthenticationmethods exposeauthinfo fingerprinthash forcecommand
    gatewayports gssapiauthentication gssapicleanupcredentials gssapicleanupcreds gssapidelegatecredentials
    gssapienablek5users gssapikexalgorithms gssapikeyexchange gssapistorecredentialsonrekey gssapistrictacceptorcheck
    gssusesessionccache gssapiusesessioncredcache hostbasedacceptedalgorithms hostbasedacceptedkeytypes
    hostbasedauthentication hostbasedusesnamefrompacketonly hostcertificate hostdsakey hostkey hostkeyagent
    hostkeyalgorithms hpndisabled ignorerhosts ignoreuserknownhosts include ipqos kbdinteractiveauthentication keepalive
    kerberosauthentication kerberosgetafstoken kerberosorlocalpasswd kerberostgtpassing kerberosticketcleanup
    kexalgorithms keyregenerationinterval listenaddress logingracetime loglevel logverbose macs match maxauthtries
    maxsessions maxstartups modulifile noneenabled pamauthenticationviakbdint passwordauthentication
    permitblacklistedkeys permitemptypasswords permitlisten permitopen permitrootlogin permittty permittunnel
    permituserenvironment permituserrc persourcemaxstartups persourcenetblocksize persourcepenalties
    persourcepenaltyexemptlist pidfile port printlastlog printmotd protocol pubkeyacceptedalgorithms
    pubkeyacceptedkeytypes pubkeyauthentication pubkeyauthoptions rdomain refuseconnection rekeylimit requiredrsasize
    reversemappingcheck revokedkeys rhostsauthentication rhostsrsaauthentication rsaauthentication rsaminsize
    securitykeyprovider serverkeybits setenv showpatchlevel skeyauthentication sshdauthpath sshdsessionpath
    streamlocalbindmask streamlocalbindunlink strictmodes subsystem syslogfacility tcpkeepalive tcprcvbufpoll
    trustedusercakeys unusedconnectiontimeout useblacklist useblocklist usedns uselogin usepam useprivilegeseparation
    verifyreversemapping versionaddendum x11displayoffset x11forwarding x11maxdisplays x11uselocalhost
    xauthlocation""".split()
)
_YES_NO = frozenset({"yes", "no"})
_DIRECTIONS = frozenset({"yes", "no", "all", "local", "remote"})
# Such as the `=yes` that is left of `"PermitRootLogin"=yes`: behind a quoted keyword the equals sign is the value's.
_VALUES = {
    "permitrootlogin": frozenset({"without-password", "prohibit-password", "forced-commands-only", "yes", "no"}),
    "addressfamily": frozenset({"any", "inet", "inet6"}),
    "compression": frozenset({"yes", "no", "delayed"}),
    "gatewayports": frozenset({"yes", "no", "clientspecified"}),
    "allowtcpforwarding": _DIRECTIONS,
    "allowstreamlocalforwarding": _DIRECTIONS,
    "ignorerhosts": frozenset({"yes", "no", "shosts-only"}),
    "permittunnel": frozenset({"yes", "no", "point-to-point", "ethernet"}),
    "loglevel": frozenset("quiet fatal error info verbose debug debug1 debug2 debug3".split()),
    **dict.fromkeys(
        """allowagentforwarding challengeresponseauthentication disableforwarding exposeauthinfo hostbasedauthentication
        hostbasedusesnamefrompacketonly ignoreuserknownhosts kbdinteractiveauthentication passwordauthentication
        permitemptypasswords permittty permituserrc printlastlog printmotd pubkeyauthentication skeyauthentication
        streamlocalbindunlink strictmodes tcpkeepalive usedns usepam x11forwarding x11uselocalhost""".split(),
        _YES_NO,
    ),
}


def refusal(statement: Statement) -> tuple[str, str] | None:
    """What sshd refuses in a statement, and what it would take; None where it takes it as far as is known here."""
    if statement.keyword not in _KNOWN:
        return statement.keyword, "a keyword of OpenSSH"
    if statement.keyword == "port":
        return None if is_port(statement.arguments) else (_said(statement), "a port")
    values = _VALUES.get(statement.keyword)
    if values is not None and " ".join(statement.arguments).lower() not in values:
        return _said(statement), " or ".join(sorted(values))
    return None


def is_port(arguments: tuple[str, ...]) -> bool:
    """Whether these are the one argument of ``Port``."""
    return len(arguments) == 1 and arguments[0].isascii() and arguments[0].isdigit() and 0 < int(arguments[0]) < 65536


def _said(statement: Statement) -> str:
    return f"{statement.keyword} {' '.join(statement.arguments)}"
