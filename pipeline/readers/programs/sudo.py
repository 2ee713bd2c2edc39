"""sudo: ``visudo -c`` for whether the rules can be read, cvtsudoers for what they grant without a password."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipeline.model.image_view import ImageView
from pipeline.model.reader import Ask, Command, Meaning, Reader, Reply
from pipeline.model.reader_answer import ReaderVerdict
from pipeline.readers.files_of import regular_below, regular_files
from pipeline.readers.meaning import by_status, not_asked, refusal, said

_FILE = "/etc/sudoers"


def _read(view: ImageView) -> tuple[str, ...]:
    return tuple(sorted({*regular_files(view, _FILE), *regular_below(view, "/etc/sudoers.d")}))


def visudo_asks(view: ImageView, program: str) -> Iterator[Ask]:
    """All of it, with owner and mode, which sudo refuses as it refuses a wrong word."""
    for file in regular_files(view, _FILE):
        yield Ask(file, (Command((program, "-c")),), _read(view))


def rights_asks(view: ImageView, program: str) -> Iterator[Ask]:
    """All of it, aliases resolved."""
    for file in regular_files(view, _FILE):
        yield Ask(file, (Command((program, "-e", "-f", "json", file)),), _read(view))


def rights_meaning(_ask: Ask, replies: Sequence[Reply]) -> Meaning:
    """A no where somebody becomes root with any command and without a password, unless it is root."""
    failure = not_asked(replies)
    if failure is not None:
        return failure
    if replies[-1].status != 0:
        return refusal(said(replies) or [f"exit status {replies[-1].status}"])
    try:
        rules = json.loads(replies[-1].out or "{}")
        free = list(_without_password(rules))
    except (ValueError, TypeError, AttributeError):
        return Meaning(ReaderVerdict.NOT_ASKED, "its JSON is not what sudo 1.9 writes")
    if free:
        return Meaning(ReaderVerdict.NO, f"{', '.join(sorted(set(free))[:5])}: root without a password")
    return Meaning(ReaderVerdict.YES)


def _without_password(rules: Mapping[str, Any]) -> Iterator[str]:
    open_for_all, bound = False, set()
    for default in rules.get("Defaults", ()):
        if any(option.get("authenticate") is False for option in default.get("Options", ())):
            names = {_name(one) for one in default.get("Binding", ())}
            bound |= names
            open_for_all = open_for_all or not names
    for spec in rules.get("User_Specs", ()):
        people = {_name(one) for one in spec.get("User_List", ())} - {"root", "#0"}
        for command in spec.get("Cmnd_Specs", ()):
            if not any(_is_all(one) for one in command.get("Commands", ())) or not _as_root(command):
                continue
            own = [option["authenticate"] for option in command.get("Options", ()) if "authenticate" in option]
            if not own:
                yield from (people if open_for_all else people & bound)
            elif own[-1] is False:
                # A person by name is somebody's decision (sudo = "nopasswd"); a whole group or everybody is not.
                yield from (name for name in people if name == "ALL" or name[0] in "%+")


def _is_all(command: Mapping[str, Any]) -> bool:
    return command.get("command") == "ALL" and not command.get("negated")


def _as_root(command: Mapping[str, Any]) -> bool:
    users = command.get("runasusers")
    return users is None or any(_name(user) in ("ALL", "root", "#0") for user in users)


def _name(one: Mapping[str, Any]) -> str:
    for kind, sign in (("username", ""), ("usergroup", "%"), ("userid", "#"), ("usergid", "%#"), ("useralias", ""),
                       ("runasalias", ""), ("netgroup", "+"), ("hostname", "@"), ("command", "")):  # fmt: skip
        if kind in one:
            return f"{sign}{one[kind]}"
    return "somebody"


READER = Reader(
    "sudo",
    "the image's own visudo takes the rules of sudo",
    ("/usr/sbin/visudo", "/sbin/visudo"),
    visudo_asks,
    by_status(
        ignore=r"^(parse error in|\S+: parsed OK$|[A-Za-z ]*warning)|\^~*$",
        complaint=r"syntax error|parse error|bad (?:owner|permissions)|owned by|unknown|invalid|undefined|Error:",
    ),
    version=("-V",),
    on_host=True,
)
READER_RIGHTS = Reader(
    "sudo_rights",
    "nobody but root becomes root without a password, as the image's own cvtsudoers resolves the rules",
    ("/usr/bin/cvtsudoers", "/usr/sbin/cvtsudoers"),
    rights_asks,
    rights_meaning,
    version=("-V",),
    remedy="take NOPASSWD or !authenticate away, or waive the rule for the person who needs it",
    on_host=True,
)
