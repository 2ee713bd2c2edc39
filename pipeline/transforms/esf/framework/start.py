"""The command line that starts the framework, as production mode wants it (B:391 to B:409)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pipeline.errors import PipelineError, Problem, raise_if_any
from pipeline.formats.java import start_script
from pipeline.formats.java.start_script import Assignment, JavaCommand
from pipeline.formats.shell.words import Word
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import Entry, FileEntry, Layer, Origin, Removal
from pipeline.model.release import Release
from pipeline.model.vanilla import Vanilla
from pipeline.transforms.esf.framework import encryption_key
from pipeline.transforms.esf.framework.scripts import (
    ENVIRONMENTS,
    debug_scripts,
    found_scripts,
    run_at_boot,
    starter_texts,
    text_of,
)

_HEAP_DUMP = "-XX:HeapDumpPath="
_WANTED_HEAP_DUMP = f"{_HEAP_DUMP}/dev/null"
# B:397 to B:409; what ends in a colon or is -verbose stands for everything that starts so (-verbose:gc).
FORBIDDEN = re.compile(
    r"-Xdebug\Z|-Xrunjdwp|-Xbootclasspath:|-XX:[+]?StartFlightRecording|-agentlib:|-agentpath:|-verbose"
)
# The virtual machine reads options from these too, whoever sets them.
_VARIABLES = ("JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS")
_HIDING = re.compile(r"@.+|-XX:VMOptionsFile=|-XX:Flags=")
_OPTIONS = Origin("framework.jvm_options", "vanilla: start scripts", "B:395")
_ENCODING = "-Dfile.encoding="
_UTF8_ENCODING = f"{_ENCODING}UTF-8"
_UTF8 = Origin("framework.text_kept", "vanilla: start scripts", "A:133")
_DEBUG = Origin("framework.no_debug_script", "vanilla: start scripts", "B:397")
_CONSOLE = Origin("framework.no_osgi_console", "gateway.toml [rules]", "A:113")
_KEY = Origin(encryption_key.RULE, "gateway.toml [rules]", "A:141")
_WRITABLE = Origin("esf.writable", "vanilla: start scripts", "B:229")
_CONSOLE_PROPERTY = "-Dosgi.console="
# The installers of Kura 3, 4 and 5.0 leave the scripts 0777, and root or the framework's user runs them at boot.
_BY_OTHERS = 0o022
# A port, on every interface or on one that is named; loopback addresses are left as they are.
_OPEN_CONSOLE = re.compile(r"(?!127\.|localhost:)(?:\S+:)?([0-9]+)\Z")


def harden_start(vanilla: Vanilla, release: Release | None = None) -> Layer:
    """The start scripts without debugging, profiling and heap dumps; the script for remote debugging goes.

    Nobody but their owner may write them.

    ESF takes a fingerprint of the command line at its first start in production mode (B:378), so this is the last
    moment for changes.

    Args:
        release: its rules may ask for the OSGi console on the loopback only; None asks for what the documents ask.

    Raises:
        PipelineError: no script is started at boot, the one that is starts no Java, or forbidden options come from a
            place this does not change.
    """
    booted = run_at_boot(vanilla)
    on_loopback = release is not None and _wants_console_on_loopback(release)
    debug = {vanilla.tree.resolve(path) for path in debug_scripts(vanilla)}
    problems: list[Problem] = []
    entries: list[Entry] = [Removal(path, (_DEBUG,)) for path in debug_scripts(vanilla) if path not in booted]
    problems.extend(
        Problem(
            f"vanilla image: {path} is what the system starts, and it is for remote debugging",
            "use an image whose init script starts the background script",
        )
        for path in booted
        if path in debug
    )
    for path, text in found_scripts(vanilla).items():
        if path in debug:
            continue
        if path in booted and not start_script.java_commands(text):
            problems.append(
                Problem(
                    f"vanilla image: {path} is started at boot, but no command in it starts Java",
                    "correct start_scripts of the layout, or report the script's form",
                )
            )
        problems.extend(_hidden(path, text))
        hardened = harden(text)
        origins: tuple[Origin, ...] = (_OPTIONS,) if hardened != text else ()
        if vanilla.layout.network_truth == "files":  # up to Kura 5.0, see `reads_utf8`
            before, hardened = hardened, reads_utf8(hardened)
            origins += (_UTF8,) if hardened != before else ()
        if release is not None and encryption_key.is_wanted(vanilla, release):
            before, hardened = hardened, encryption_key.with_key(hardened)
            origins += (_KEY,) if hardened != before else ()
        if on_loopback:
            before, hardened = hardened, console_on_loopback(hardened)
            origins += (_CONSOLE,) if hardened != before else ()
        if vanilla.tree.nodes[path].mode & _BY_OTHERS:
            origins += (_WRITABLE,)
        if origins:
            entries.append(_entry(vanilla, path, hardened, origins))
    problems.extend(_foreign(vanilla))
    raise_if_any(problems)
    return Layer.of(*entries)


def harden(text: str) -> str:
    """A start script with exactly one heap dump path and none of the forbidden options; nothing else is touched."""
    for assignment in reversed(start_script.assignments(text)):
        cleaned = _cleaned(assignment, text[assignment.word.start : assignment.word.end])
        if cleaned is not None:
            text = start_script.with_words(text, [(assignment.word, f"{assignment.name}={cleaned}")])
    for number in range(len(start_script.java_commands(text))):
        command = start_script.java_commands(text)[number]
        text = start_script.with_words(text, _changes(command))
        command = start_script.java_commands(text)[number]
        if not any(word.value == _WANTED_HEAP_DUMP for word in command.options):
            text = start_script.with_word_after(text, command.program, _WANTED_HEAP_DUMP)
    left = [word.value for command in start_script.java_commands(text) for word in _bad(command)]
    if left:
        raise RuntimeError(f"options that could not be taken out: {left}")
    return text


def reads_utf8(text: str) -> str:
    """A start script whose Java takes text for UTF-8, whatever the locale of an init script is.

    Kura 3, 4 and 5.0 encrypt snapshots and passwords with `getBytes()` of the platform's character set
    (CryptoServiceImpl.encryptAes, 4.1.2 line 77), which is ASCII there: ``Büro`` becomes ``B?ro`` at the first start,
    without a word. Refusing such values would refuse what the console takes and half of Europe writes.
    """
    for number in range(len(start_script.java_commands(text))):
        command = start_script.java_commands(text)[number]
        known = [word for word in command.options if word.value.startswith(_ENCODING)]
        wrong = [(word, _UTF8_ENCODING) for word in known if word.value != _UTF8_ENCODING]
        text = start_script.with_words(text, wrong)
        if not known:
            text = start_script.with_word_after(text, command.program, _UTF8_ENCODING)
    return text


def console_on_loopback(text: str) -> str:
    """A start script whose OSGi console listens on 127.0.0.1; it stays, because the init script stops ESF through it.

    Equinox takes ``host:port`` wherever it takes a port (org.eclipse.equinox.console, TelnetCommand).
    """
    for number in range(len(start_script.java_commands(text))):
        command = start_script.java_commands(text)[number]
        text = start_script.with_words(text, [*_consoles((*command.options, *command.arguments))])
    return text


def _consoles(words: Sequence[Word]) -> Iterator[tuple[Word, str | None]]:
    for before, word in zip((None, *words), words, strict=False):
        prefix = _CONSOLE_PROPERTY if word.value.startswith(_CONSOLE_PROPERTY) else ""
        if not prefix and (before is None or before.value != "-console"):
            continue
        port = _OPEN_CONSOLE.match(word.value.removeprefix(prefix))
        if port is not None:
            yield word, f"{prefix}127.0.0.1:{port[1]}"


def _wants_console_on_loopback(release: Release) -> bool:
    return release.rules.profile == "strict" or _CONSOLE.rule in release.rules.also


def _changes(command: JavaCommand) -> Iterator[tuple[Word, str | None]]:
    dumps = [word for word in command.options if word.value.startswith(_HEAP_DUMP)]
    for word in command.options:
        if FORBIDDEN.match(word.value) or word in dumps[1:]:
            yield word, None
        elif word in dumps and word.value != _WANTED_HEAP_DUMP:
            yield word, _WANTED_HEAP_DUMP


def _is_bad(option: str) -> bool:
    return bool(FORBIDDEN.match(option)) or option.startswith(_HEAP_DUMP)


def _bad(command: JavaCommand) -> Iterator[Word]:
    for word in command.options:
        if FORBIDDEN.match(word.value) or (word.value.startswith(_HEAP_DUMP) and word.value != _WANTED_HEAP_DUMP):
            yield word


def _cleaned(assignment: Assignment, written: str) -> str | None:
    """A variable's value, quoted, without forbidden options, or None when there is nothing to clean."""
    options = assignment.value.split()
    kept = [option for option in options if option == _WANTED_HEAP_DUMP or not _is_bad(option)]
    if len(kept) == len(options):
        return None
    value = " ".join(kept)
    if not re.search(r"[$`]", value):
        return start_script.quoted(value)
    if not re.search(r"['\\\\]", written) and '"' not in value:
        return f'"{value}"'
    raise PipelineError(
        f"vanilla image: start script line {assignment.line}: {assignment.name} mixes options that production mode "
        "forbids with other variables in a way that cannot be edited safely",
        "take the forbidden options (B:395 to B:409) out of the script of the vanilla image",
    )


def _hidden(path: GuestPath, text: str) -> Iterator[Problem]:
    for command in start_script.java_commands(text):
        for word in command.options:
            if _HIDING.match(word.value):
                yield Problem(
                    f"vanilla image: {path} line {command.line}: {word.value} takes options from a file, "
                    "where they cannot be checked (B:393)",
                    "write the options into the script",
                )


def _foreign(vanilla: Vanilla) -> Iterator[Problem]:
    """Forbidden options in the environment, set by files that are not ours to change."""
    names = [GuestPath(name) for name in ENVIRONMENTS]
    profiles = vanilla.tree.resolve(GuestPath("/etc/profile.d"))
    names += [path for path in vanilla.tree.children(profiles) if path.name.endswith(".sh")]
    texts = [*starter_texts(vanilla)]
    for name in names:
        content = vanilla.files.get(vanilla.tree.resolve(name))
        if content is not None:
            texts.append((name, text_of(content)))
    for path, text in texts:
        for number, line in enumerate(text.splitlines(), 1):
            body = line.split("#", 1)[0]
            if any(variable in body for variable in _VARIABLES) and _options_in(body):
                yield Problem(
                    f"vanilla image: {path} line {number}: sets options of every Java program that production mode "
                    "forbids (B:395 to B:409)",
                    "take the line out of the vanilla image",
                )


def _options_in(line: str) -> bool:
    return any(
        FORBIDDEN.match(word) or word.startswith(_HEAP_DUMP) for word in re.split(r"[\s\"']+|(?<=OPTIONS)=", line)
    )


def _entry(vanilla: Vanilla, path: GuestPath, text: str, origins: tuple[Origin, ...]) -> FileEntry:
    node = vanilla.tree.nodes[path]
    content = text.encode("utf-8", "surrogateescape")
    return FileEntry(path, content, origins, node.mode & ~_BY_OTHERS, node.uid, node.gid)
