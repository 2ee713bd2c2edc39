"""Breakages of how the framework is started."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pipeline.model.image_view import ImageView
from tests.support.breakages import Breakage
from tests.support.esf.edits import (
    REAL,
    Edit,
    add,
    both,
    copied,
    put,
    sub,
    swap,
)
from tests.support.esf.places import (
    CUSTOM,
    INIT,
    MANUAL,
    PROPERTIES,
    START,
)

_FORBIDDEN = (
    "-Xdebug",
    "-Xrunjdwp:server=y,address=8000",
    "-Xbootclasspath:/x.jar",
    "-XX:StartFlightRecording",
    "-XX:StartFlightRecording=duration=1s",
    "-agentlib:jdwp=transport=dt_socket",
    "-agentpath:/x.so",
    "-verbose",
    "-verbose:gc",
    '"-Xdebug"',
)


def _option(text: str, path: str = START) -> Edit:
    return swap(path, "-Declipse.ignoreApp=true", text)


def _framework() -> Iterator[Breakage]:
    yield Breakage("an init script that starts nothing", "framework.started", INIT, put(INIT, "#!/bin/sh\nexit 0\n"))
    yield Breakage(
        "an init script that starts what is not there",
        "framework.started",
        INIT,
        swap(INIT, "start_kura_background.sh", "start_it.sh"),
    )
    yield Breakage("a start script without Java", "framework.started", START, put(START, "#!/bin/sh\necho started\n"))
    for option in _FORBIDDEN:
        yield Breakage(f"option {option}", "framework.jvm_options", START, _option(option), option)
    yield Breakage(
        "a forbidden option in the script people run",
        "framework.jvm_options",
        MANUAL,
        _option("-Xdebug", MANUAL),
        "-Xdebug",
    )
    yield Breakage(
        "a forbidden option from a variable",
        "framework.jvm_options",
        START,
        both(_option("$MORE"), swap(START, "export MALLOC_ARENA_MAX=1", "MORE='-Xmx1g -agentlib:x'")),
        "MORE=",
    )
    yield Breakage(
        "options in a file", "framework.jvm_options", START, _option("@/etc/java.options"), "@/etc/java.options"
    )
    yield Breakage(
        "options in another file", "framework.jvm_options", START, _option("-XX:VMOptionsFile=/etc/x"), "VMOptionsFile"
    )
    yield Breakage(
        "another script that init runs",
        "framework.jvm_options",
        f"{REAL}/bin/other.sh",
        both(
            copied(START, f"{REAL}/bin/other.sh"),
            _option("-Xdebug", f"{REAL}/bin/other.sh"),
            swap(INIT, "start_kura_background.sh", "other.sh"),
        ),
        "-Xdebug",
    )
    yield Breakage(
        "an init script that starts Java itself",
        "framework.jvm_options",
        INIT,
        swap(INIT, '/bin/sh "$START"', "java -Xrunjdwp:x -jar /opt/eurotech/esf/plugins/x.jar"),
        "-Xrunjdwp",
    )
    dump = "-XX:HeapDumpPath=/dev/null"
    yield Breakage(
        "heap dumps on the disk",
        "framework.heap_dump",
        START,
        swap(START, dump, "-XX:HeapDumpPath=/var/log/x"),
        "HeapDumpPath",
    )
    yield Breakage(
        "a second path of heap dumps", "framework.heap_dump", START, _option("-XX:HeapDumpPath=/srv/x"), "/srv/x"
    )
    utf8 = "-Dfile.encoding=UTF-8"
    yield Breakage("Java of the locale's letters", "framework.text_kept", START, swap(START, utf8, "-Dx=y"), "java")
    yield Breakage(
        "another character set", "framework.text_kept", START, swap(START, utf8, f"{utf8[:-5]}ASCII"), "java"
    )
    yield Breakage("no path of heap dumps", "framework.heap_dump", START, swap(START, f"{dump} \\\n", "\\\n"), "java")
    yield Breakage(
        "heap dumps of the script people run",
        "framework.heap_dump",
        MANUAL,
        swap(MANUAL, dump, "-XX:HeapDumpPath=/x"),
        "HeapDumpPath",
    )
    yield Breakage(
        "the debugger's script",
        "framework.no_debug_script",
        f"{REAL}/bin/start_kura_debug.sh",
        put(f"{REAL}/bin/start_kura_debug.sh", "#!/bin/sh\njava -Xmx1g \\\n -Xdebug -jar x\n", 0o755),
        "-Xdebug",
    )
    yield Breakage("a Java agent", "framework.no_management", START, _option("-javaagent:/x.jar"), "-javaagent")
    yield Breakage(
        "remote management",
        "framework.no_management",
        START,
        _option("-Dcom.sun.management.jmxremote.port=9999"),
        "jmxremote",
    )
    rule = "framework.no_osgi_console"
    for place in ("5002", "0.0.0.0:5002"):
        change = swap(START, "-console 127.0.0.1:5002", f"-console {place}")
        yield Breakage(f"the OSGi console at {place}", rule, START, change, "-console", base="strict")
    change = _option("-Dosgi.console=5002")
    yield Breakage("the OSGi console by a property", rule, START, change, "osgi.console", base="strict")
    yield from _environment()
    yield from _key()
    yield from _properties()


def _of_kura(edit: Edit) -> Edit:
    """The same in an installation of Kura: which key ESF takes is in no document."""

    def edited(view: ImageView) -> ImageView:
        assert view.layout is not None
        return edit(replace(view, layout=replace(view.layout, product="Kura")))

    return edited


def _key() -> Iterator[Breakage]:
    rule, key, option = (
        "framework.encryption_key",
        "/etc/kura-encryption-key",
        "-Dorg.eclipse.kura.core.crypto.secretKey=",
    )
    own = both(_option(f'{option}"$(cat {key})"'), _option(f'{option}"$(cat {key})"', MANUAL))
    both_scripts = both(_option(f"{option}0123456789abcdef"), _option(f"{option}0123456789abcdef", MANUAL))
    cases: tuple[tuple[str, str, Edit], ...] = (
        ("the key everybody has", START, add(START, "\n")),
        ("a key in the script", START, both_scripts),
        ("a key nobody gave", START, own),
        ("a key that others may read", key, both(own, put(key, "k" * 32 + "\n", 0o644))),
        ("a key of another length", key, both(own, put(key, "short\n", 0o400))),
    )
    for name, path, edit in cases:
        yield Breakage(name, rule, path, _of_kura(edit))


def _environment() -> Iterator[Breakage]:
    rule = "framework.environment"
    unit = "/etc/systemd/system/kura.service"
    yield Breakage(
        "a variable for everybody",
        rule,
        "/etc/environment",
        add("/etc/environment", "A=b\nJAVA_TOOL_OPTIONS=-Xdebug\n"),
        "JAVA_TOOL",
    )
    yield Breakage(
        "a variable of login shells",
        rule,
        "/etc/profile.d/java.sh",
        add("/etc/profile.d/java.sh", 'export _JAVA_OPTIONS="-Xmx1g -agentlib:x"\n'),
        "_JAVA",
    )
    yield Breakage(
        "a variable on two lines",
        rule,
        "/etc/profile.d/java.sh",
        add("/etc/profile.d/java.sh", 'export JDK_JAVA_OPTIONS="-Xmx1g\n -verbose:gc"\n'),
        "JDK_JAVA",
    )
    yield Breakage(
        "a variable of the service",
        rule,
        "/etc/default/kura",
        add("/etc/default/kura", "JAVA_OPTS='-Xrunjdwp:server=y'\n"),
        "-Xrunjdwp",
    )
    yield Breakage(
        "heap dumps by a variable",
        rule,
        "/etc/default/kura",
        add("/etc/default/kura", "JAVA_TOOL_OPTIONS=-XX:HeapDumpPath=/x\n"),
        "HeapDumpPath",
    )
    yield Breakage(
        "options in a file, by a variable",
        rule,
        "/etc/profile",
        add("/etc/profile", "export JDK_JAVA_OPTIONS=@/etc/java.options\n"),
        "@/etc",
    )
    yield Breakage(
        "a variable made of another",
        rule,
        "/etc/profile",
        add("/etc/profile", 'export JAVA_TOOL_OPTIONS="$EVIL"\n'),
        "$EVIL",
    )
    yield Breakage(
        "a variable of the unit",
        rule,
        unit,
        put(
            unit,
            '[Service]\nEnvironment="JAVA_TOOL_OPTIONS=-agentpath:/x.so"\n',
        ),
        "-agentpath",
    )
    yield Breakage(
        "a variable of the unit's drop-in",
        rule,
        f"{unit}.d/x.conf",
        put(f"{unit}.d/x.conf", "[Service]\nEnvironment=JAVA_TOOL_OPTIONS=-Xdebug\n"),
        "-Xdebug",
    )
    yield Breakage(
        "a file of variables of the unit",
        rule,
        "/etc/kura.env",
        both(
            put(unit, "[Service]\nEnvironmentFile=-/etc/kura.env\n"),
            put("/etc/kura.env", "JAVA_TOOL_OPTIONS=-Xdebug\n"),
        ),
        "-Xdebug",
    )
    yield Breakage(
        "a variable for all of systemd",
        rule,
        "/etc/systemd/system.conf",
        put("/etc/systemd/system.conf", '[Manager]\nDefaultEnvironment="JAVA_TOOL_OPTIONS=-Xdebug"\n'),
        "-Xdebug",
    )
    yield Breakage(
        "a variable of PAM",
        rule,
        "/etc/security/pam_env.conf",
        put("/etc/security/pam_env.conf", "JAVA_TOOL_OPTIONS DEFAULT=-Xdebug\n"),
        "-Xdebug",
    )
    yield Breakage(
        "a variable from monit",
        rule,
        "/etc/monitrc",
        swap(
            "/etc/monitrc",
            '"/etc/init.d/kura start"',
            '"/usr/bin/env JAVA_TOOL_OPTIONS=-Xdebug /etc/init.d/kura start"',
        ),
        "-Xdebug",
    )
    yield Breakage(
        "a variable of the init script",
        rule,
        INIT,
        swap(INIT, "PIDFILE=", "export JAVA_TOOL_OPTIONS=-Xdebug\nPIDFILE="),
        "-Xdebug",
    )


def _properties() -> Iterator[Breakage]:
    rule, size, number = "framework.zip_limits", "file.command.zip.max.size", "file.command.zip.max.number"
    yield Breakage("archives of any size", rule, PROPERTIES, sub(PROPERTIES, rf"^{size}=.*?$", f"{size}=1000"), size)
    yield Breakage("a limit that is no number", rule, PROPERTIES, sub(PROPERTIES, rf"^{size}=.*?$", f"{size}=-1"), size)
    yield Breakage("a limit with a blank", rule, PROPERTIES, sub(PROPERTIES, rf"^{size}=.*?$", f"{size}=50 "), size)
    yield Breakage("a limit of nothing", rule, PROPERTIES, sub(PROPERTIES, rf"^{number}=.*?$", f"{number}=0"), number)
    yield Breakage("no limit of files", rule, PROPERTIES, sub(PROPERTIES, rf"^{number}=.*?\n", ""))
    yield Breakage(
        "a limit set again further down", rule, PROPERTIES, add(PROPERTIES, f"{number} : 99999\n"), f"{number} :"
    )
    yield Breakage("another limit in the custom file", rule, CUSTOM, add(CUSTOM, f"{size}=500\n"), size)
    yield Breakage("another limit on the command line", rule, START, _option(f"-D{number}=4096"), number)
    yield Breakage(
        "another properties file",
        "framework.properties",
        START,
        swap(START, "/kura/kura.properties", "/kura/other.properties"),
        "kura.configuration",
    )


BREAKAGES = (*_framework(),)
