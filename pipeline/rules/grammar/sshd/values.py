"""The values sshd takes for each keyword (``servconf.c``, ``misc.c``): anything else keeps it from starting.

A check gets the unquoted arguments and says what is wanted when they are refused, None when they are taken.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping

from pipeline.rules.grammar.sshd import algorithms, match
from pipeline.rules.grammar.sshd.keywords import Build

Arguments = tuple[str, ...]
Check = Callable[[Arguments, Build], str | None]

_SPAN = re.compile(r"(?:\d+[smhdw]?)+", re.IGNORECASE | re.ASCII)
_METHODS = frozenset("publickey password keyboard-interactive hostbased gssapi-with-mic gssapi-keyex none".split())
_SERVICE_CLASSES = frozenset(
    """af11 af12 af13 af21 af22 af23 af31 af32 af33 af41 af42 af43 cs0 cs1 cs2 cs3 cs4 cs5 cs6 cs7 ef le lowdelay
    throughput reliability none""".split()
)
_PENALTIES = frozenset("authfail crash grace-exceeded max min noauth refuseconnection invaliduser".split())


def _one_of(*values: str) -> Check:
    def check(arguments: Arguments, build: Build) -> str | None:
        del build
        good = len(arguments) == 1 and arguments[0].lower() in values
        return None if good else " or ".join(sorted(values))

    return check


def _matches(pattern: str, wanted: str, most: int = 1) -> Check:
    form = re.compile(pattern, re.IGNORECASE | re.ASCII)

    def check(arguments: Arguments, build: Build) -> str | None:
        del build
        good = 0 < len(arguments) <= most and all(form.fullmatch(word) for word in arguments)
        return None if good else wanted

    return check


def port_number(text: str) -> int | None:
    """The port a text means, by number or by the name of a service; None where sshd refuses it."""
    if text in match.SERVICES:
        return match.SERVICES[text]
    number = int(text) if text.isascii() and text.isdigit() else 0
    return number if 0 < number < 65536 else None


def _port(arguments: Arguments, build: Build) -> str | None:
    del build
    return None if len(arguments) == 1 and port_number(arguments[0]) else "a port"


def _address(arguments: Arguments, build: Build) -> str | None:
    """An address with or without a port; the kernel of a gateway knows no rdomain, and a name may not resolve."""
    del build
    found = re.fullmatch(r"(?:\[(?P<six>[^\]]*)\]|(?P<four>[^:\[\]]*))(?::(?P<port>[^:]*))?", arguments[0])
    text = (found["six"] if found["six"] is not None else found["four"]) if found else arguments[0]
    port = found["port"] if found else None
    wanted = "an address, or address:port"
    if len(arguments) != 1 or (port is not None and not port_number(port)):
        return wanted
    try:
        ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None if text in ("localhost", "*") else wanted
    return None


def _span(text: str) -> bool:
    return _SPAN.fullmatch(text) is not None


def _time(arguments: Arguments, build: Build) -> str | None:
    del build
    good = len(arguments) == 1 and _span(arguments[0])
    return None if good else "a time such as 120 or 2m, without blanks"


def _time_or_none(arguments: Arguments, build: Build) -> str | None:
    return None if arguments == ("none",) else _time(arguments, build)


def _startups(arguments: Arguments, build: Build) -> str | None:
    del build
    found = re.fullmatch(r"(\d+)(?::(\d+):(\d+))?", arguments[0], re.ASCII) if len(arguments) == 1 else None
    numbers = [int(number) for number in found.groups() if number is not None] if found else []
    good = bool(numbers) and numbers[0] > 0
    if len(numbers) == 3:
        good = good and numbers[0] <= numbers[2] and 1 <= numbers[1] <= 100
    return None if good else "such as 10 or 10:30:100"


def _methods(arguments: Arguments, build: Build) -> str | None:
    del build
    wanted = f"any, or lists of {', '.join(sorted(_METHODS - {'none'}))}"
    if "any" in arguments:
        return None if arguments == ("any",) else wanted
    for listed in arguments:
        for name in listed.split(","):
            method, _, device = name.partition(":")
            if method not in _METHODS or (device and method != "keyboard-interactive"):
                return wanted
    return None


def _people(arguments: Arguments, build: Build) -> str | None:
    del build
    for word in arguments:
        bad = match.bad_network(word.partition("@")[2]) if "@" in word else None
        if bad:
            return f"a network's own address ({bad})"
    return None


def _environment(arguments: Arguments, build: Build) -> str | None:
    del build
    return "names without '='" if any("=" in word for word in arguments) else None


def _settings(arguments: Arguments, build: Build) -> str | None:
    del build
    return None if all("=" in word for word in arguments) else "NAME=value"


def _opened(arguments: Arguments, build: Build) -> str | None:
    del build
    if arguments in (("any",), ("none",)):
        return None
    for word in arguments:
        found = re.fullmatch(r"(?:\[[^\]]+\]|[^:]+):(\*|\d+)", word, re.ASCII)
        if not found or (found[1] != "*" and not 0 < int(found[1]) < 65536):
            return "host:port, any or none"
    return None


def _listened(arguments: Arguments, build: Build) -> str | None:
    del build
    if arguments in (("any",), ("none",)):
        return None
    for word in arguments:
        found = re.fullmatch(r"(?:(?:\[[^\]]+\]|[^:]+):)?(\*|\d+)", word, re.ASCII)
        if not found or (found[1] != "*" and not 0 < int(found[1]) < 65536):
            return "port or host:port, any or none"
    return None


def _quality(arguments: Arguments, build: Build) -> str | None:
    numbers = not build.from_on((10, 0))
    good = 0 < len(arguments) <= 2 and all(
        word.lower() in _SERVICE_CLASSES or (numbers and re.fullmatch(r"0x[0-9a-f]+|\d+", word, re.IGNORECASE))
        for word in arguments
    )
    return None if good else "one or two names of service classes, such as af21 cs1"


def _rekey(arguments: Arguments, build: Build) -> str | None:
    del build
    wanted = "an amount of at least 16 bytes such as 1G, and a time, or default none"
    if not 0 < len(arguments) <= 2:
        return wanted
    amount = re.fullmatch(r"(\d+)([kmg]?)", arguments[0], re.IGNORECASE | re.ASCII)
    size = int(amount[1]) * 1024 ** " kmg".index(amount[2].lower() or " ") if amount else 0
    if arguments[0] != "default" and not (amount and (size == 0 or size >= 16)):
        return wanted
    later = arguments[1:]
    return None if not later or later[0] == "none" or _span(later[0]) else wanted


def _blocks(arguments: Arguments, build: Build) -> str | None:
    del build
    found = re.fullmatch(r"(\d+)(?::(\d+))?", arguments[0], re.ASCII) if len(arguments) == 1 else None
    good = found is not None and int(found[1]) <= 32 and int(found[2] or 0) <= 128
    return None if good else "a length of up to 32, and one of up to 128 behind a colon"


def _penalties(arguments: Arguments, build: Build) -> str | None:
    del build
    for word in arguments:
        name, colon, value = word.partition(":")
        timed = bool(colon) and name in _PENALTIES and _span(value)
        other = re.fullmatch(r"yes|no|max-sources[46]:\d+|overflow6?:(permissive|deny-all)", word)
        if not timed and other is None:
            return "yes, no, or such as authfail:5s"
    return None


def _exempt(arguments: Arguments, build: Build) -> str | None:
    del build
    bad = (match.bad_network(part) for word in arguments for part in word.split(","))
    return next((f"networks ({found})" for found in bad if found), None)


def _channels(arguments: Arguments, build: Build) -> str | None:
    del build
    if arguments == ("none",):
        return None
    good = all(re.fullmatch(r"[^=]+=.+", word) and _span(word.partition("=")[2]) for word in arguments)
    return None if good else "such as session=5m"


def _environment_of_users(arguments: Arguments, build: Build) -> str | None:
    del build
    return None if len(arguments) == 1 else "yes, no, or a list with commas"


def _command(arguments: Arguments, build: Build) -> str | None:
    del build
    good = len(arguments) >= 1 and (arguments == ("none",) or arguments[0].startswith("/"))
    return None if good else "a path from / on, or none"


def _subsystem(arguments: Arguments, build: Build) -> str | None:
    del build
    return None if len(arguments) > 1 else "a name and a command"


def _algorithms(keyword: str) -> Check:
    def check(arguments: Arguments, build: Build) -> str | None:
        if len(arguments) != 1:
            return "one list without blanks"
        name = algorithms.unknown(keyword, arguments[0], build)
        return None if name is None else f"algorithms this sshd has ({build.shown} has no {name})"

    return check


def _several(arguments: Arguments, build: Build) -> str | None:
    del arguments, build
    return None


_NUMBER = _matches(r"\d{1,10}", "a number")
_ONE = _matches(r"(?s).*", "one value")
_YES_NO = _one_of("yes", "no")
_DIRECTIONS = _one_of("yes", "no", "all", "local", "remote")

CHECKS: Mapping[str, Check] = {
    "port": _port,
    "listenaddress": _address,
    "addressfamily": _one_of("any", "inet", "inet6"),
    "permitrootlogin": _one_of("without-password", "prohibit-password", "forced-commands-only", "yes", "no"),
    "compression": _one_of("yes", "no", "delayed"),
    "gatewayports": _one_of("yes", "no", "clientspecified"),
    "allowtcpforwarding": _DIRECTIONS,
    "allowstreamlocalforwarding": _DIRECTIONS,
    "ignorerhosts": _one_of("yes", "no", "shosts-only"),
    "permittunnel": _one_of("yes", "no", "point-to-point", "ethernet"),
    "loglevel": _one_of(*"quiet fatal error info verbose debug debug1 debug2 debug3".split()),
    "syslogfacility": _one_of(
        *"daemon user auth authpriv".split(), *(f"local{number}" for number in range(8))
    ),
    "fingerprinthash": _one_of("md5", "sha1", "sha256", "sha384", "sha512"),
    "logingracetime": _time,
    "clientaliveinterval": _time,
    "unusedconnectiontimeout": _time_or_none,
    "maxstartups": _startups,
    "persourcemaxstartups": _matches(r"none|\d+", "a number, or none"),
    "persourcenetblocksize": _blocks,
    "persourcepenalties": _penalties,
    "persourcepenaltyexemptlist": _exempt,
    "authenticationmethods": _methods,
    "allowusers": _people,
    "denyusers": _people,
    "acceptenv": _environment,
    "setenv": _settings,
    "permitopen": _opened,
    "permitlisten": _listened,
    "ipqos": _quality,
    "rekeylimit": _rekey,
    "streamlocalbindmask": _matches(r"[0-7].*", "an octal number"),
    "channeltimeout": _channels,
    "permituserenvironment": _environment_of_users,
    "authorizedkeyscommand": _command,
    "authorizedprincipalscommand": _command,
    "subsystem": _subsystem,
    "pubkeyauthoptions": _matches("none|touch-required|verify-required", "touch-required or verify-required", 9),
    "rdomain": _matches("(?!)", "not there: Linux's OpenSSH of Debian refuses it"),
    "gssapikexalgorithms": _matches(r"(?:gss-(?:gex-sha1|group1-sha1|group14-sha(?:1|256)|group16-sha512"
                                    r"|nistp256-sha256|curve25519-sha256)-,?)+", "key exchanges of GSSAPI"),
    **{name: _algorithms(name) for name in algorithms.LISTS},
    **dict.fromkeys("maxauthtries maxsessions clientalivecountmax x11displayoffset requiredrsasize".split(), _NUMBER),
    **dict.fromkeys(
        """allowagentforwarding challengeresponseauthentication debianbanner disableforwarding dsaauthentication
        exposeauthinfo gssapiauthentication gssapicleanupcredentials gssapikeyexchange gssapistorecredentialsonrekey
        gssapistrictacceptorcheck hostbasedauthentication hostbasedusesnamefrompacketonly ignoreuserknownhosts
        kbdinteractiveauthentication kerberosauthentication kerberosgetafstoken kerberosorlocalpasswd
        kerberosticketcleanup passwordauthentication permitemptypasswords permittty permituserrc printlastlog printmotd
        pubkeyauthentication refuseconnection skeyauthentication streamlocalbindunlink strictmodes tcpkeepalive usedns
        usepam x11forwarding x11uselocalhost""".split(),
        _YES_NO,
    ),
    **dict.fromkeys(
        """allowgroups denygroups authorizedkeysfile include forcecommand versionaddendum hostkey logverbose
        """.split(),
        _several,
    ),
    **dict.fromkeys(
        """authorizedkeyscommanduser authorizedprincipalscommanduser authorizedprincipalsfile banner chrootdirectory
        hostcertificate hostkeyagent modulifile pidfile revokedkeys securitykeyprovider sshdauthpath sshdsessionpath
        trustedusercakeys xauthlocation""".split(),
        _ONE,
    ),
}  # fmt: skip
