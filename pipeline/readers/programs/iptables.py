"""iptables-restore and ip6tables-restore, legacy or nft as the image links them: rules are loaded, then listed.

Where an emulator runs them, which has no netfilter, each rule is put to the legacy program by itself instead: it reads
all words of a rule before it misses the kernel's table.

The load happens in a network namespace of its own on the appliance's kernel, so that what only the kernel refuses (a
target in a table where it may not be) is refused here too. A module that kernel lacks is no answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from pipeline.model.image_view import ImageView
from pipeline.model.reader import Ask, Command, Meaning, Reader, Reply
from pipeline.model.reader_answer import ReaderVerdict
from pipeline.readers.files_of import is_program, regular_files, text_of
from pipeline.readers.meaning import not_asked, refusal, said

_FILES = {
    "iptables": ("/etc/sysconfig/iptables", "/etc/iptables/rules.v4", "/etc/iptables/iptables.rules",
                 "/etc/iptables.rules", "/opt/*/*/.data/iptables"),
    "ip6tables": ("/etc/sysconfig/ip6tables", "/etc/iptables/rules.v6", "/etc/iptables/ip6tables.rules",
                  "/opt/*/*/.data/ip6tables"),
}  # fmt: skip
_MODULES = {
    "iptables": ("nf_tables", "nft_compat", "iptable_filter", "iptable_nat", "iptable_mangle", "iptable_raw"),
    "ip6tables": ("nf_tables", "nft_compat", "ip6table_filter", "ip6table_nat", "ip6table_mangle", "ip6table_raw"),
}
# The appliance's kernel or the emulator lacks something: what legacy and nft say then.
_LACKING = re.compile(
    r"missing kernel module|can't initialize ip6?tables table|Failed to initialize nft|Protocol not supported"
    r"|unable to initialize table '(filter|nat|mangle|raw|security)'|Could not fetch rule set generation id"
)
_REVISION = re.compile(r"Couldn't load (match|target)|unsupported revision|No chain/target/match")
_LEGACY = ("/usr/sbin/xtables-legacy-multi", "/sbin/xtables-legacy-multi", "/usr/sbin/xtables-multi")
_NOISE = re.compile(r"^(Try `|Perhaps iptables|# Warning: |iptables-restore: Warning)")
_LINE = re.compile(r"(?:line[ :]+|Error occurred at line: )(\d+)")
# Rules for one family only are passed over by the other's program (iptables(8), -4 and -6).
_ONE_FAMILY = re.compile(r"\s(?:-4|-6|--ipv4|--ipv6)\s")
_RULE = re.compile(r"\s*(?:\[\d+:\d+\]\s*)?-[AI]\s")


def _asks(family: str) -> Callable[[ImageView, str], Iterator[Ask]]:
    def asks(view: ImageView, program: str) -> Iterator[Ask]:
        save = program.replace("-restore", "-save")
        for file in regular_files(view, *_FILES[family]):
            text = text_of(view, file)
            plain = text is not None and re.search(r"(?m)^-[DFXRZ]", text) is None
            count = tuple(f"{table} {rules}" for table, rules in _rules_in(text).items()) if text and plain else ()
            commands = (Command((program,), file), Command((save,)))
            yield Ask(file, commands, (file,), expected=count, modules=_MODULES[family])

    return asks


def emulated(view: ImageView, ask: Ask) -> Ask:
    """One command for each different line, split as iptables-restore splits it."""
    restore = ask.commands[0].argv[0]
    legacy = next((path for path in _LEGACY if is_program(view, path)), "")
    family = restore.rpartition("/")[2].removesuffix("-restore")
    program = (legacy, family) if legacy else (restore.removesuffix("-restore"),)
    commands: dict[Command, str] = {}
    table = ""
    for number, line in enumerate((text_of(view, ask.subject) or "").split("\n"), 1):
        if line.startswith("*"):
            table = line[1:].strip()
        elif line.strip() and line[0] not in "#:" and line != "COMMIT":
            words = words_of(re.sub(r"^\[\d+:\d+\]\s*", "", line))
            commands.setdefault(Command((*program, "-t", table, *words)), str(number))
    return replace(ask, commands=tuple(commands), expected=tuple(commands.values()), independent=True, modules=())


def words_of(line: str) -> list[str]:
    """The words of a rule: double quotes hold blanks together, single ones are letters (iptables' xshared.c)."""
    words: list[str] = []
    current, quoted, begun, escaped = "", False, False, False
    for letter in line:
        if escaped:
            current, escaped = current + letter, False
        elif quoted and letter == "\\":
            escaped = True
        elif letter == '"':
            quoted, begun = not quoted, True
        elif letter in " \t" and not quoted:
            if current or begun:
                words.append(current)
            current, begun = "", False
        else:
            current += letter
    return [*words, current] if current or begun else words


def _emulated_meaning(ask: Ask, replies: Sequence[Reply]) -> Meaning:
    for line, reply in zip(ask.expected, replies, strict=False):
        words = [text for text in said([reply]) if not _NOISE.search(text)]
        failure = not_asked([reply])
        if failure is not None or any("Failed to initialize nft" in text for text in words):
            return failure or Meaning(ReaderVerdict.NOT_ASKED, f"{words[0]} (the emulator has no netfilter)")
        if any(_REVISION.search(text) for text in words):
            return Meaning(ReaderVerdict.NOT_ASKED, f"line {line}: {words[0]}, which needs the gateway's kernel")
        if reply.status not in (0, 3):
            return Meaning(ReaderVerdict.NO, (words or [f"exit status {reply.status}"])[0], int(line))
    if len(replies) < len(ask.commands):
        return Meaning(ReaderVerdict.NOT_ASKED, "not every rule was put to it")
    return Meaning(ReaderVerdict.YES)


def meaning(ask: Ask, replies: Sequence[Reply]) -> Meaning:
    """The program's word, then the kernel's, then whether as many rules are there as the file has."""
    if ask.independent:
        return _emulated_meaning(ask, replies)
    failure = not_asked(replies)
    if failure is not None:
        return failure
    words = [line for line in said(replies[-1:]) if not _NOISE.search(line)]
    if replies[-1].status != 0:
        lacking = [line for line in words if _LACKING.search(line)]
        if lacking:
            return Meaning(ReaderVerdict.NOT_ASKED, lacking[0])
        return refusal(words or [f"exit status {replies[-1].status}"], _LINE)
    if len(replies) < len(ask.commands):
        return Meaning(ReaderVerdict.NOT_ASKED, "its rules were not listed")
    loaded = _rules_in(replies[-1].out)
    for expected in ask.expected:
        table, _, count = expected.partition(" ")
        if loaded.get(table, 0) < int(count):
            lost = f"of the {count} rules of table {table} only {loaded.get(table, 0)} are there after loading"
            return Meaning(ReaderVerdict.NO, f"{lost}, and it says nothing: no COMMIT ends the table")
    return Meaning(ReaderVerdict.YES)


def _rules_in(text: str) -> dict[str, int]:
    """Rules by table, in a file or a listing; tables of earlier files may still be in the listing."""
    found: dict[str, int] = {}
    table = ""
    for line in text.splitlines():
        if line.startswith("*"):
            table = line[1:].strip()
            found[table] = 0  # a table that is named again begins anew
        elif _RULE.match(line) and not _ONE_FAMILY.search(line):
            found[table] = found.get(table, 0) + 1
    return found


def _reader(family: str, decides: tuple[str, ...]) -> Reader:
    return Reader(
        family,
        f"the image's own {family}-restore loads its rules, all of them",
        (f"/usr/sbin/{family}-restore", f"/sbin/{family}-restore", f"/usr/local/sbin/{family}-restore"),
        _asks(family),
        meaning,
        version=("--version",),
        emulated=emulated,
        decides=decides,
    )


READER_V4 = _reader("iptables", ("firewall.readable",))
READER_V6 = _reader("ip6tables", ())
