"""Options of the framework's virtual machine, wherever they come from (B:352 to B:409)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.formats.java import start_script
from pipeline.model.image_view import ImageView
from pipeline.model.layout import Layout
from pipeline.model.rule import Breach, Expected, Judgement, Rule, Severity
from pipeline.rules.esf.installation import Document, on_esf, unread
from pipeline.rules.esf.start import (
    booted,
    commands,
    debug_scripts,
    environments,
    scripts,
    starters,
    unread_environments,
)
from pipeline.rules.looking import harmless

# B:397 to B:409. What ends in a colon, and -verbose, stand for everything that starts so: -verbose:gc counts.
_FORBIDDEN = re.compile(
    r"(?:-J)?(-Xdebug\Z|-Xrunjdwp|-Xbootclasspath:|-XX:\+?StartFlightRecording|-agentlib:|-agentpath:|-verbose)"
)
_HEAP_DUMP = "-XX:HeapDumpPath="
_NOWHERE = "/dev/null"
_UTF8 = "-Dfile.encoding=UTF-8"
# Options from a file, where they would have to be looked for.
_HIDING = re.compile(r"@.+|-XX:VMOptionsFile=|-XX:Flags=|-XX:\+ReadVMOptionsFile")
# Read by every Java virtual machine, whoever set them.
_VARIABLES = frozenset({"JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS"})
# Of a variable's own old value nothing new is to be feared.
_COMPUTED = re.compile(rf"`|\$(?!\{{?(?:{'|'.join(sorted(_VARIABLES))})\b)")
_REMOTE = re.compile(
    r"-javaagent:|-Dcom\.sun\.management\.(?:jmxremote|snmp)|-XX:\+(?:FlightRecorder|ManagementServer)"
)
_PUT_TOGETHER = re.compile(r"\beval\b|\b(?:ba)?sh\s+-c\b|\$\(|`")
# Kura 6 has one script; what adds the debugger to it is an option of the script, or this variable.
_DEBUG_MODE = re.compile(r"KURA_DEBUG_MODE[\s\"']*=[\s\"']*true\b", re.IGNORECASE)
_DEBUG_OPTION = re.compile(r"start_kura\w*\.sh[^\n]*\s(?:--debug|-x)(?=\s|$|[\"'])")
_NO_SCRIPT = "no start script of the installation is in this image"


def _started(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """What init, monit or systemd starts is a script of the installation that starts Java (A:248)."""
    del expected
    found = booted(view, layout)
    if not found:
        known = [item.path for item in starters(view)]
        return Judgement.failed(
            Breach(known[0] if known else "/etc/init.d", 0, "nothing starts a script of the installation at boot",
                   f"a script of {view.place(layout.root)}/bin")
        )  # fmt: skip
    if not any(start_script.java_commands(item.text) for item in found):
        hidden = next((item for item in found if _PUT_TOGETHER.search(item.text)), None)
        if hidden is not None:
            return Judgement.unverifiable(
                f"what {hidden.path} starts is not to be seen: it is put together when it runs"
            )
        return Judgement.failed(
            *(Breach(item.path, 0, "started at boot, and starts no Java", "a java command") for item in found)
        )
    return Judgement.passed(f"{', '.join(item.path for item in found)} runs at boot")


def _no_command(view: ImageView, layout: Layout) -> Judgement:
    """No command that starts Java was found: there is no script, or it hides what it runs."""
    present = scripts(view, layout)
    if not present:
        return Judgement.not_applicable(_NO_SCRIPT)
    return Judgement.unverifiable(f"how Java is started is not to be seen in {present[0].path}")


def _jvm_options(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """With one of these, production mode refuses to start (B:362, B:397 to B:409)."""
    del expected
    found = commands(view, layout)
    if not found:
        return _no_command(view, layout)
    breaches = []
    for started in found:
        for word in started.command.options:
            if _FORBIDDEN.match(word.value):
                breaches.append(Breach(started.document.path, started.line(word), harmless(word.value), "not there"))
            elif _HIDING.match(word.value):
                breaches.append(
                    Breach(
                        started.document.path, started.line(word), f"{harmless(word.value)}: options in a file", "none"
                    )
                )
    for script in scripts(view, layout):
        if script.path not in {item.path for item in debug_scripts(view, layout)}:
            breaches.extend(_in_assignments(script))
    for document in (*starters(view), *environments(view)):
        for number, line in enumerate(document.text.splitlines(), 1):
            body = re.sub(r"^\s*[#;].*", "", line)
            if _DEBUG_MODE.search(body) or _DEBUG_OPTION.search(body):
                breaches.append(
                    Breach(document.path, number, f"starts it for a debugger: {harmless(line)}", "not there")
                )
    return Judgement.of(breaches, f"{len(found)} commands start Java, none with debugging or profiling")


def _heap_dump(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """A heap dump holds every secret the framework knows: its path is /dev/null (B:395)."""
    del expected
    found = commands(view, layout)
    if not found:
        return _no_command(view, layout)
    breaches = []
    for started in found:
        dumps = [word for word in started.command.options if word.value.startswith(_HEAP_DUMP)]
        breaches += [
            Breach(started.document.path, started.line(word), harmless(word.value), _NOWHERE)
            for word in dumps
            if word.value != _HEAP_DUMP + _NOWHERE
        ]
        if not dumps:
            breaches.append(
                Breach(
                    started.document.path,
                    started.command.line,
                    "no HeapDumpPath: dumps go to the working directory",
                    _NOWHERE,
                )
            )
    return Judgement.of(breaches, f"{len(found)} commands start Java with HeapDumpPath={_NOWHERE}")


def _text_kept(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """Up to Kura 5.0, letters beyond ASCII are lost at the first start unless Java is told UTF-8 (encryptAes)."""
    del expected
    if layout.network_truth != "files":
        return Judgement.not_applicable("this framework writes its snapshot in UTF-8 whatever the locale is")
    found = commands(view, layout)
    if not found:
        return Judgement.not_applicable(_NO_SCRIPT)
    shown = f"{_UTF8} is missing: an init script's locale is ASCII"
    breaches = [
        Breach(started.document.path, started.command.line, shown, _UTF8)
        for started in found
        if not any(word.value == _UTF8 for word in started.command.options)
    ]
    return Judgement.of(breaches, f"{len(found)} commands start Java with {_UTF8}")


def _environment(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """Variables and files that add options to every Java program (B:393)."""
    del layout, expected
    documents = (*starters(view), *environments(view))
    if not documents:
        return Judgement.not_applicable("no file of this image sets variables for the framework")
    breaches = [breach for found in documents for breach in _in_environment(found)]
    hidden = unread_environments(view)
    if hidden and not breaches:
        return unread(hidden[0])
    return Judgement.of(breaches, f"{len(documents)} files looked through, none adds options to Java")


def _in_environment(found: Document) -> Iterator[Breach]:
    if "/systemd/" not in found.path and "monit" not in found.path:
        yield from _in_assignments(found)  # values that go on over several lines
    for number, line in enumerate(found.text.splitlines(), 1):
        for name, value in _settings(re.sub(r"^\s*;.*|(?:^|(?<=\s))#.*", "", line)):
            for option in re.split(r"[\s\"']+", value):
                computed = name in _VARIABLES and _COMPUTED.match(option)
                if _is_bad(name, option) or computed:
                    yield Breach(found.path, number, f"{name} adds {harmless(option)}", "not there")


def _is_bad(variable: str, option: str) -> bool:
    """An option production mode forbids, or one that takes options from a file."""
    if option.startswith(_HEAP_DUMP):
        return option != _HEAP_DUMP + _NOWHERE
    return bool(_FORBIDDEN.match(option)) or (variable in _VARIABLES and bool(_HIDING.match(option)))


def _settings(line: str) -> Iterator[tuple[str, str]]:
    """Variables a line sets: as a shell, PAM or a unit (``Environment=``, ``DefaultEnvironment=``) writes it."""
    for found in re.finditer(r"(?:^|[\s\"';=])([A-Za-z_][A-Za-z0-9_]*)(?:=|\s+DEFAULT=|\s+OVERRIDE=)(.*)", line):
        yield found[1], found[2]
        yield from _settings(found[2])
        return


def _in_assignments(script: Document) -> Iterator[Breach]:
    for item in start_script.assignments(script.text):
        for option in item.value.split():
            if _is_bad(item.name, option):
                yield Breach(script.path, item.line, f"{item.name} adds {harmless(option)}", "not there")


def _no_debug_script(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """A script that opens port 8000 for a debugger has no use on a gateway in the field (A:113, B:397)."""
    del expected
    if not scripts(view, layout):
        return _no_command(view, layout)
    breaches = [
        Breach(
            item.path, item.line_of(r"-Xdebug|-Xrunjdwp|-agentlib"), "starts the framework for a debugger", "not there"
        )
        for item in debug_scripts(view, layout)
    ]
    running = {item.path for item in booted(view, layout)} & {breach.path for breach in breaches}
    breaches += [Breach(path, 0, "and it is what runs at boot", "a script without debugging") for path in running]
    return Judgement.of(breaches, "no script for remote debugging")


def _no_management(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """Agents and remote management can do what debuggers can, and the documents do not name them (B:14)."""
    del expected
    found = commands(view, layout)
    if not found:
        return _no_command(view, layout)
    breaches = [
        Breach(item.document.path, item.line(word), harmless(word.value), "not there")
        for item in found
        for word in item.command.options
        if _REMOTE.match(word.value)
    ]
    return Judgement.of(breaches, "no agents, no remote management")


def _no_osgi_console(view: ImageView, layout: Layout, expected: Expected) -> Judgement:
    """``-console 5002`` is a shell without a password on every interface; the firewall alone keeps it in."""
    del expected
    found = commands(view, layout)
    if not found:
        return _no_command(view, layout)
    breaches = []
    for started in found:
        words = (*started.command.options, *started.command.arguments)
        for place, word in enumerate(words):
            following = words[place + 1].value if place + 1 < len(words) else ""
            port = following if word.value == "-console" else word.value.removeprefix("-Dosgi.console=")
            named = word.value == "-console" or word.value.startswith("-Dosgi.console=")
            if named and re.search(r"\d", port) and not port.startswith(("127.", "localhost:")):
                breaches.append(
                    Breach(
                        started.document.path, started.line(word), f"OSGi console on port {harmless(port)}", "127.0.0.1"
                    )
                )
    return Judgement.of(breaches, "the OSGi console listens on the loopback only, or not at all")


RULES: tuple[Rule, ...] = (
    Rule(
        id="framework.started",
        title="the system starts a script of the installation",
        why="If nothing starts the framework, the gateway boots and does none of its work.",
        severity=Severity.HIGH,
        documents=("A:244", "A:248"),
        references=("62443 CR 7.6",),
        profile="documents",
        check=on_esf(_started),
        remedy="mend the init script, monit's file or the unit",
    ),
    Rule(
        id="framework.jvm_options",
        title="the framework starts without debugging and profiling",
        why="A debugger's port gives whoever reaches it full control of the framework, without any password.",
        severity=Severity.HIGH,
        documents=("B:14", "B:362", "B:397", "B:399", "B:401", "B:403", "B:405", "B:407", "B:409"),
        references=("ETSI 5.6-4", "62443 EDR 2.13"),
        profile="documents",
        check=on_esf(_jvm_options),
        remedy="take the options out of the script, before the first boot",
        enforced_by="esf.framework",
    ),
    Rule(
        id="framework.text_kept",
        title="letters beyond ASCII are kept",
        why=(
            "With another encoding, names and passwords with letters beyond ASCII are changed when they are saved, and "
            "no longer match."
        ),
        severity=Severity.LOW,
        documents=("A:133",),
        references=("62443 CR 7.6",),
        profile="documents",
        check=on_esf(_text_kept),
        remedy="-Dfile.encoding=UTF-8 in the command that starts Java",
        enforced_by="esf.framework",
    ),
    Rule(
        id="framework.heap_dump",
        title="heap dumps go to /dev/null",
        why="A dump of the memory holds every password and key of the framework in clear, and stays on the disk.",
        severity=Severity.MEDIUM,
        documents=("B:395",),
        references=("ETSI 5.4-1", "62443 CR 4.1"),
        profile="documents",
        check=on_esf(_heap_dump),
        remedy="-XX:HeapDumpPath=/dev/null",
        enforced_by="esf.framework",
    ),
    Rule(
        id="framework.environment",
        title="nothing adds options to Java behind the start script's back",
        why="An option added in another file brings the debugger back, although the start script looks clean.",
        severity=Severity.HIGH,
        documents=("B:393", "B:397"),
        references=("ETSI 5.6-4", "62443 EDR 2.13"),
        profile="documents",
        check=on_esf(_environment),
        remedy="take the line out of the file",
        enforced_by="esf.framework",
    ),
    Rule(
        id="framework.no_debug_script",
        title="there is no script for remote debugging",
        why='A debug script is started "just for a moment" and leaves an open debugger\'s port behind.',
        severity=Severity.MEDIUM,
        documents=("A:113", "B:14", "B:397", "B:399"),
        references=("ETSI 5.6-4",),
        profile="documents",
        check=on_esf(_no_debug_script),
        remedy="remove the script",
        enforced_by="esf.framework",
    ),
    Rule(
        id="framework.no_management",
        title="no Java agents and no remote management",
        why="Remote management without protection lets whoever reaches its port load code into the framework.",
        severity=Severity.HIGH,
        documents=("B:14",),
        references=("ETSI 5.6-4", "CRA I.1(2)(j)"),
        profile="strict",
        check=on_esf(_no_management),
        remedy="take the options out of the script",
    ),
    Rule(
        id="framework.no_osgi_console",
        title="the OSGi console listens on the loopback only",
        why="The OSGi console installs and starts bundles for whoever connects, without asking who it is.",
        severity=Severity.HIGH,
        documents=("A:113",),
        references=("CVE-2017-7649", "ETSI 5.6-1", "CRA I.1(2)(j)"),
        profile="strict",
        check=on_esf(_no_osgi_console),
        remedy='-console 127.0.0.1:5002; profile strict does it, and [rules] also = ["framework.no_osgi_console"]',
        conflict="the init script stops the framework through this console, so it cannot go; the documents leave it to "
        "the firewall, and so does the profile documents (firewall.osgi_console)",
        enforced_by="esf.framework",
    ),
)
