"""What the image's OpenSSH server will do: its files, and the options that go before them, in sshd's own order."""

from __future__ import annotations

import getopt
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field

from pipeline.errors import PipelineError
from pipeline.formats.boot import shell_variables, systemd_unit
from pipeline.formats.packages import dpkg_status
from pipeline.formats.ssh import sshd_config
from pipeline.formats.ssh.sshd_config import Effective, SshdConfigError, Statement
from pipeline.model.image_view import ImageView
from pipeline.model.rule import Breach
from pipeline.rules.grammar.sshd import refusals as sshd_refusals
from pipeline.rules.grammar.sshd.keywords import Build
from pipeline.rules.grammar.sshd.values import port_number
from pipeline.rules.looking import files, first_program, harmless, words_of
from pipeline.rules.shared import shared
from pipeline.rules.ssh.server_commands import servers_in

CONFIG = "/etc/ssh/sshd_config"
READS = (
    "/etc/ssh/**", "/etc/default/ssh", "/etc/default/sshd", "/etc/sysconfig/sshd", "/etc/systemd/system/ssh*.service",
    "/etc/systemd/system/ssh*.d/*", "/etc/systemd/system/ssh*.socket", "/lib/systemd/system/ssh*",
    "/usr/lib/systemd/system/ssh*", "/var/lib/dpkg/status", "/var/lib/opkg/status", "/usr/lib/opkg/status",
    "/etc/init.d/*ssh*",
)  # fmt: skip

SERVERS = ("/usr/sbin/sshd", "/usr/local/sbin/sshd", "/usr/libexec/sshd")
_OPTION_FILES = (
    ("/etc/default/ssh", "SSHD_OPTS"), ("/etc/default/sshd", "SSHD_OPTS"), ("/etc/sysconfig/sshd", "OPTIONS"),
)  # fmt: skip
_UNITS = (
    "/lib/systemd/system/{}.service", "/usr/lib/systemd/system/{}.service", "/etc/systemd/system/{}.service",
    "/lib/systemd/system/{}.service.d/*.conf", "/usr/lib/systemd/system/{}.service.d/*.conf",
    "/etc/systemd/system/{}.service.d/*.conf",
)  # fmt: skip
_LETTERS = "C:E:b:c:f:g:h:k:o:p:u:46DGQRTVdeiqrt"


@dataclass(frozen=True)
class Daemon:
    """The server's configuration.

    Attributes:
        statements: everything in sshd's order, options of its command line first.
        version: of OpenSSH, None when the image does not say.
        command_ports: ports of the command line, which make it pass over ``Port``.
        unclear: options only a shell could work out: file and line.
        refused: why sshd would not start, each with its place.
    """

    effective: Effective
    statements: tuple[Statement, ...] = field(repr=False)
    version: tuple[int, int] | None
    command_ports: tuple[Statement, ...]
    unclear: tuple[Breach, ...]
    refused: tuple[Breach, ...]

    def value(self, keyword: str, default: str) -> str:
        """What is in force for everybody, lower case; sshd's own default when nothing is said."""
        found = self.effective.value(keyword)
        return default if found is None else found.lower()

    def place(self, keyword: str) -> tuple[str, int]:
        """File and line of what is in force; the main file when nothing is said."""
        found = self.effective.everywhere.get(keyword)
        return (found[0].file, found[0].line) if found else (CONFIG, 0)

    def exceptions(self, keyword: str) -> Iterator[Statement]:
        """What Match blocks say of a keyword."""
        for block in self.effective.matches.values():
            yield from block.get(keyword, ())


@shared
def daemon(view: ImageView) -> Daemon | None:
    """The image's OpenSSH server; None when it has none."""
    if first_program(view, *SERVERS) is None:
        return None
    options, ports, unclear, config = _options(view)
    main = view.find(config)
    refused: list[Breach] = []
    read: tuple[Statement, ...] = ()
    if main is None:
        refused.append(Breach(config, 0, "is missing: sshd does not start", "a configuration"))
    else:
        name = str(view.place(config))
        try:
            read = sshd_config.statements(name, main, lambda pattern: list(files(view, pattern)))
        except SshdConfigError as error:
            place, line = _place(str(error), name)
            refused.append(Breach(place, line, f"sshd does not start: {error}", "a file sshd accepts"))
    build = _build(view)
    refused += _impossible(read, build)
    everything = (*options, *read)
    return Daemon(sshd_config.effective(everything), everything, build.version, ports, unclear, tuple(refused))


def _place(text: str, name: str) -> tuple[str, int]:
    found = re.match(r"(\S+?)(?: line (\d+))?: ", text)
    return (found[1], int(found[2] or 0)) if found else (name, 0)


def _impossible(read: tuple[Statement, ...], build: Build) -> Iterator[Breach]:
    """Statements that make sshd exit instead of starting, or of serving who connects."""
    for refusal in sshd_refusals.refusals(read, build):
        yield Breach(refusal.file, refusal.line, f"{harmless(refusal.found)}: sshd does not start", refusal.wanted)


def _build(view: ImageView) -> Build:
    for path in ("/var/lib/dpkg/status", "/var/lib/opkg/status", "/usr/lib/opkg/status"):
        installed = dpkg_status.versions(view.find(path) or b"")
        for package in ("openssh-server", "openssh-sshd", "openssh"):
            found = re.match(r"(?:\d+:)?(\d+)\.(\d+)", installed.get(package, ""))
            if found:
                return Build((int(found[1]), int(found[2])), debian="dpkg" in path)
    return Build()


def _options(view: ImageView) -> tuple[list[Statement], tuple[Statement, ...], tuple[Breach, ...], str]:
    """Options on sshd's command line: ``-o`` statements, ports, what is unclear, and the configuration file."""
    statements: list[Statement] = []
    ports: list[Statement] = []
    unclear: list[Breach] = []
    config = CONFIG
    for path, line, words in _command_lines(view):
        if words is None:
            unclear.append(Breach(path, line, "options only a shell could work out", "a plain value"))
            continue
        try:
            found, _ = getopt.getopt(words, _LETTERS)
        except getopt.GetoptError as error:
            unclear.append(Breach(path, line, f"options sshd refuses: {error}", "options of sshd"))
            continue
        for name, value in found:
            if name == "-p":
                ports.append(Statement(path, line, "port", (value,)))
            elif name == "-f":
                config = value
            elif name == "-o":
                given = sshd_config.parse(value.encode(), path)
                statements += [Statement(path, line, parsed.keyword, parsed.arguments) for parsed in given]
    return statements, tuple(ports), tuple(unclear), config


def _command_lines(view: ImageView) -> Iterator[tuple[str, int, list[str] | None]]:
    """Words after the program's name, from wherever an init takes them."""
    for path, variable in _OPTION_FILES:
        for assignment in shell_variables.assignments(view.find(path) or b""):
            if assignment.name == variable:
                words = None if assignment.value is None else shlex.split(assignment.value)
                yield path, assignment.line, words
    if view.init != "systemd":
        yield from _scripts(view)
        return
    for unit in ("ssh", "sshd"):
        settings = [
            setting
            for pattern in _UNITS
            for path, data in files(view, pattern.format(unit))
            for setting in systemd_unit.parse(data, path)
        ]
        for command in systemd_unit.in_effect(settings, "Service", "ExecStart"):
            words = command.value.split()
            # $SSHD_OPTS comes from the files above.
            yield command.file, command.line, [word for word in words[1:] if not word.startswith("$")]


def _scripts(view: ImageView) -> Iterator[tuple[str, int, list[str] | None]]:
    """Options written into the server's own init scripts; calls that only ask for a verdict do not count."""
    for path, data in files(view, "/etc/init.d/*ssh*"):
        for number, line in words_of(data):
            for server, words in servers_in(line):
                flags = [word for word in words if not word.startswith("$")]
                means = any(re.match(r"-[46DGQTdeirq]*[fop]", flag) for flag in flags)
                if server == "sshd" and means and not {"-t", "-T"} & {*flags}:
                    yield path, number, flags


def listening(view: ImageView, server: Daemon) -> Iterator[Breach | tuple[int, str, int]]:
    """Every port the server itself opens: port, file and line; a `Breach` for an address nobody can read."""
    addresses = server.effective.everywhere.get("listenaddress", ())
    ports = server.command_ports or server.effective.everywhere.get("port", ())
    unported = not addresses
    for statement in addresses:
        text = statement.arguments[0] if statement.arguments else ""
        found = re.fullmatch(r"(?:\[[^\]]*\]|[^:\[\]]*):(\w+)", text)
        port = port_number(found[1]) if found else None
        if port:
            yield port, statement.file, statement.line
        elif re.fullmatch(r"\[[^\]]*\]|[^\[\]]*", text):
            unported = True
        else:
            yield Breach(
                statement.file, statement.line, f"ListenAddress {harmless(text)}", "an address, or address:port"
            )
    if unported:
        for statement in ports:
            port = port_number(statement.arguments[0]) if len(statement.arguments) == 1 else None
            if port:
                yield port, statement.file, statement.line
        if not ports:
            yield 22, str(_main(view)), 0


def _main(view: ImageView) -> str:
    try:
        return str(view.place(CONFIG))
    except PipelineError:
        return CONFIG
