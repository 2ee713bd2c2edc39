"""Services nobody needs, and SysRq, are off (A:88)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.model.image_view import ImageView
from pipeline.model.rule import Breach, Expected, Judgement, Rule, Severity
from pipeline.rules.kernel import parameters
from pipeline.rules.looking import files, lines, words_of
from pipeline.rules.services import startup

READS = (*startup.READS, *parameters.READS, "/etc/inetd.conf", "/etc/xinetd.conf", "/etc/xinetd.d/*")

# What gateways' images are known to bring and no gateway of the documents needs: passwords in the clear, files for
# everybody, remote procedure calls, debuggers, printers.
_UNNECESSARY = (
    "telnetd",
    "telnet",
    "inetutils-telnetd",
    "vsftpd",
    "proftpd",
    "pure-ftpd",
    "ftpd",
    "tftpd-hpa",
    "tftpd",
    "atftpd",
    "rpcbind",
    "portmap",
    "nfs-kernel-server",
    "nfs-server",
    "nfs-common",
    "rsh-server",
    "rexecd",
    "cups",
    "cups-browsed",
    "snmpd",
    "gdbserver",
    "smbd",
    "nmbd",
    "samba",
    "rsync",
    "xinetd",
    "inetd",
    "openbsd-inetd",
    "ypserv",
    "finger",
    "x11vnc",
    "vncserver",
    "lldpd",
    "minissdpd",
    "minidlna",
    "llmnrd",
)
_IN_THE_CLEAR = (
    "telnet",
    "ftp",
    "tftp",
    "shell",
    "login",
    "exec",
    "finger",
    "talk",
    "ntalk",
    "chargen",
    "echo",
    "discard",
    "daytime",
    "time",
    "rsync",
    "swat",
)
_REFERENCES = (
    "CIS 2.1.2",
    "CaC service_avahi-daemon_disabled",
    "ANSSI R62",
    "ANSSI R80",
    "ETSI 5.6-1",
    "ETSI 5.6-5",
    "CRA I.1(2)(j)",
    "62443 CR 7.7",
)


def _disabled(view: ImageView, expected: Expected) -> Judgement:
    return _off(view, expected.services_disabled)


def _unnecessary(view: ImageView, expected: Expected) -> Judgement:
    names = [name for name in _UNNECESSARY if name not in expected.services_disabled]
    return _off(view, tuple(names))


def _off(view: ImageView, names: tuple[str, ...]) -> Judgement:
    if not names:
        return Judgement.not_applicable("the release names no services")
    if not startup.known_init(view):
        return Judgement.unverifiable("what starts services in this image is not known")
    breaches = [breach for name in names for breach in startup.starts(view, name)]
    return Judgement.of(breaches, f"nothing starts {', '.join(names[:4])}{', …' if len(names) > 4 else ''}")


def _clear_text(view: ImageView, expected: Expected) -> Judgement:
    """Lines of inetd and files of xinetd count whether or not the super-server itself starts today."""
    del expected
    breaches = []
    looked = [*files(view, "/etc/inetd.conf"), *files(view, "/etc/xinetd.conf", "/etc/xinetd.d/*")]
    for path, data in looked:
        if path.endswith("inetd.conf") and "xinetd" not in path:
            for number, words in words_of(data):
                if words[0] in _IN_THE_CLEAR:
                    breaches.append(Breach(path, number, f"inetd serves {words[0]}", "no such line"))
        else:
            breaches += _xinetd(path, data)
    if not looked:
        return Judgement.not_applicable("the image has neither inetd nor xinetd")
    return Judgement.of(breaches, f"{len(looked)} files of inetd and xinetd")


def _xinetd(path: str, data: bytes) -> Iterator[Breach]:
    name, line, off = "", 0, False
    for number, text in lines(data):
        found = re.match(r"\s*service\s+(\S+)", text)
        if found:
            name, line, off = found[1], number, False
        off = off or bool(re.match(r"\s*disable\s*=\s*yes", text))
        if "}" in text and name in _IN_THE_CLEAR and not off:
            yield Breach(path, line, f"xinetd serves {name}", "disable = yes")


def _sysrq(view: ImageView, expected: Expected) -> Judgement:
    wanted = str(expected.sysrq)
    breaches = [
        Breach(path, line, "sysrq_always_enabled: the kernel passes over kernel.sysrq", "not given")
        for path, line in parameters.on_command_line(view, "sysrq_always_enabled")
    ]
    setting = parameters.in_effect(view, "kernel.sysrq")
    if setting is None:
        breaches.append(
            Breach("/etc/sysctl.conf", 0, "nothing sets kernel.sysrq: all of it is on", f"kernel.sysrq = {wanted}")
        )
    elif setting.value != wanted:
        breaches.append(Breach(setting.path, setting.line, f"kernel.sysrq = {setting.value} is the last word", wanted))
    reader = parameters.reader(view)
    if not breaches and reader is None:
        return Judgement.unverifiable("nothing in the image reads sysctl.conf at boot, as far as can be seen")
    return Judgement.of(breaches, f"kernel.sysrq = {wanted}, applied by {reader}")


RULES = (
    Rule(
        id="services.disabled",
        title="the services the release names are started by nothing",
        why=(
            "A service that was to be switched off and is not listens on the network with nobody patching or watching "
            "it."
        ),
        severity=Severity.MEDIUM,
        documents=("A:88",),
        references=_REFERENCES,
        profile="documents",
        check=_disabled,
        remedy="[services] disabled in gateway.toml",
        enforced_by="services",
    ),
    Rule(
        id="services.unnecessary",
        title="no telnet, ftp, remote procedure call, debugger or printer service is started",
        why=(
            "Telnet, FTP and their kind send passwords in the clear and have a long history of remote holes; debuggers "
            "give away the whole machine."
        ),
        severity=Severity.HIGH,
        documents=("A:88",),
        references=("CIS 2.1.4", "CIS 2.1.6", "CIS 2.1.11", "CIS 2.1.14", "CIS 2.1.15", "CIS 2.2.4", *_REFERENCES[2:]),
        profile="documents",
        check=_unnecessary,
        remedy="add the service to [services] disabled in gateway.toml",
    ),
    Rule(
        id="services.super_server",
        title="inetd and xinetd serve nothing that sends passwords in the clear",
        why="A line of inetd brings a clear-text service back without any service of its own that an audit would list.",
        severity=Severity.HIGH,
        documents=("A:88",),
        references=("CIS 2.1.21", "CaC xinetd", "lynis INSE-8016", "ETSI 5.6-1"),
        profile="documents",
        check=_clear_text,
        remedy="take the lines out of the vanilla image",
    ),
    Rule(
        id="services.sysrq",
        title="SysRq is off, by the last file the image reads and by the kernel's command line",
        why=(
            "With SysRq, whoever reaches the keyboard or serial line can reboot, kill or remount the system without "
            "logging in."
        ),
        severity=Severity.MEDIUM,
        documents=("A:88",),
        references=("CaC sysctl_kernel_sysrq", "ANSSI R9", "lynis KRNL-6000", "dev-sec sysctl kernel.sysrq"),
        profile="documents",
        check=_sysrq,
        remedy="[services] sysrq in gateway.toml",
        enforced_by="services",
    ),
)
