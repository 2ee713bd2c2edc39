"""``doit init``: a workspace for one's own gateways, from a vanilla image and an export."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pipeline.commands.answering import or_say_why
from pipeline.commands.doit_adapter import as_typed, options_first
from pipeline.commands.helping import Helping
from pipeline.errors import PipelineError, Problem, raise_if_any
from pipeline.host import tools
from pipeline.host.clock import now
from pipeline.host.progress import Progress
from pipeline.inputs.toml_table import decode, read_bytes
from pipeline.report.text.plain import plain
from pipeline.setup.answers import Answers, gateways_of, problems
from pipeline.setup.making import decisions, look, proposal_of, require_free, write

_DAY = 86_400
_FAILED = 1


def _option(name: str, text: str, default: str = "") -> dict[str, object]:
    return {"name": name, "short": "", "long": name.replace("_", "-"), "type": str, "default": default, "help": text}


_OPTIONS = (
    _option("vanilla", "the vendor's disk image, never booted: raw or qcow2; .gz, .xz, .zst"),
    _option("golden", "export of the golden sample: a directory, .tar(.gz/.xz/.zst) or .zip"),
    _option("name", "of the release, such as plant-1.0"),
    _option("gateways", "names, with serials where known: gw-1=SN17,gw-2; or numbered: gw-[01-12]"),
    _option("user", "account for the people who maintain the gateways (technician)"),
    _option("user_key", "file with their public SSH keys, such as ~/.ssh/id_ed25519.pub"),
    _option("vpn", "networks from which the console may be reached (10.234.0.0/16)"),
    _option("principal", "who signs manifests, an address (release@ and this machine's name)"),
    _option("subject", "of the certificate that signs bundles (CN=NAME bundles)"),
    _option("root", "partition with the system, where several have one: 2, LABEL=…"),
)
_CSV = {
    "name": "csv", "short": "", "long": "csv", "type": bool, "default": False,
    "help": "list the gateways in a devices.csv, for spreadsheets, instead of devices.toml",
}  # fmt: skip
_ASKED = (
    ("vanilla", "Vanilla image (the vendor's disk image, never booted)", ""),
    ("golden", "Export of the golden sample", ""),
    ("name", "Name of the release", "gateways-1.0"),
    ("gateways", "Gateways, such as gw-1=SERIAL,gw-2 or gw-[01-12]", ""),
    ("user", "Account for maintenance", "technician"),
    ("user_key", "Its public SSH keys (file)", "~/.ssh/id_ed25519.pub"),
    ("vpn", "Networks from which the console may be reached", "10.234.0.0/16"),
)
_NEEDED = ("vanilla", "golden", "name", "gateways", "user_key")


class Init(Helping):
    """Make a workspace."""

    name = "init"
    doc_purpose = "make a workspace for your own gateways from a vanilla image and a golden sample's export"
    doc_usage = "[DIRECTORY]"
    doc_description = (
        "Looks into both, proposes every decision and writes a commented gateway.toml, the inventory, keys with "
        "keys.toml, golden.lock, dodo.py and .gitignore into DIRECTORY (here), then runs doit plan. Asks for what "
        "no option says, on a terminal. Replaces no file, and leaves nothing behind when an input is unusable. "
        "docs/guide/workspace.md says what to do next."
    )
    cmd_options = (*_OPTIONS, _CSV)

    def parse_execute(self, in_args: Sequence[str]) -> int:
        """As doit does it, and with options after the directory as well."""
        valued = [f"--{option['long']}" for option in _OPTIONS]
        return int(super().parse_execute(options_first(as_typed("init", in_args), valued)))

    def execute(self, opt_values: Mapping[str, object], pos_args: Sequence[str]) -> int:
        """Write the workspace; 1 when its plan does not work yet, 2 when it could not be made."""
        return or_say_why(lambda: self._make(opt_values, pos_args))

    def _make(self, options: Mapping[str, object], places: Sequence[str]) -> int:
        if len(places) > 1:
            raise PipelineError("doit init: one directory at most", "doit init --vanilla … plant")
        directory = Path(places[0] if places else ".")
        require_free(directory)
        answers = _answers(directory, options, _ask if sys.stdin.isatty() else None)
        raise_if_any(problems(answers))
        with Progress().running() as say:
            looked = look(answers, say)
        proposal = proposal_of(answers, looked)
        lock, stay = decisions(looked)
        written = write(answers, looked, proposal, lock, _epoch())
        lines = [*proposal.notes, *(f"stays behind until somebody decides: {name}" for name in stay)]
        sys.stdout.write("".join(f"{plain(line)}\n" for line in lines))
        sys.stdout.write(f"written: {', '.join(str(path) for path in written if path.parent.name != '.schemas')}\n")
        sys.stdout.write(f"written, for you alone: {directory / 'keys/private'}, {directory / 'secrets/fleet.key'}\n")
        sys.stdout.flush()
        return _planned(directory, [name for name, _ in answers.gateways])


def _planned(directory: Path, names: Sequence[str]) -> int:
    """The plan of all gateways and of the first, as the user would ask for it."""
    for words in ([], list(names[:1])):
        command = f"doit plan{''.join(f' {word}' for word in words)}"
        sys.stdout.write(f"\n{command}, in {directory}:\n")
        sys.stdout.flush()
        if tools.run_shown([sys.executable, "-m", "doit", "plan", *words], where=directory):
            sys.stderr.write(f"{command} does not work yet: correct what it reports above, in {directory}\n")
            return _FAILED
    sys.stdout.write(f"\nnext, in {directory}: read gateway.toml and golden.lock, then doit build\n")
    return 0


def _answers(directory: Path, options: Mapping[str, object], ask: Callable[[str, str], str] | None) -> Answers:
    """Options first, then a person; `PipelineError` names everything that nobody said."""
    text = {str(option["name"]): str(options[str(option["name"])] or "") for option in _OPTIONS}
    for name, question, default in _ASKED:
        if ask is not None and not text[name]:
            text[name] = ask(question, default)
        elif not text[name] and name not in _NEEDED:
            text[name] = default
    raise_if_any(
        Problem(f"doit init: --{name.replace('_', '-')} is missing", f"{option['help']}; or answer on a terminal")
        for option in _OPTIONS
        if (name := str(option["name"])) in _NEEDED and not text[name]
    )
    key_file = Path(text["user_key"]).expanduser()
    return Answers(
        directory=directory,
        vanilla=Path(text["vanilla"]).expanduser(),
        export=Path(text["golden"]).expanduser(),
        name=text["name"],
        gateways=gateways_of(text["gateways"]),
        user=text["user"],
        user_keys=_keys_in(key_file),
        vpn=tuple(text["vpn"].replace(",", " ").split()),
        principal=text["principal"] or f"release@{os.uname().nodename}",
        subject=text["subject"] or f"CN={text['name']} bundles",
        root=text["root"],
        csv=bool(options["csv"]),
    )


def _keys_in(path: Path) -> tuple[str, ...]:
    lines = decode(read_bytes(path, "file of public keys"), str(path)).splitlines()
    return tuple(line.strip() for line in lines if line.strip() and not line.startswith("#"))


def _ask(question: str, default: str) -> str:
    sys.stderr.write(f"{question}{f' [{default}]' if default else ''}: ")
    sys.stderr.flush()
    answer = sys.stdin.readline()
    if not answer:
        raise PipelineError("doit init: no answer", "give the options: doit help init")
    return answer.strip() or default


def _epoch() -> int:
    """The clock of the new release: SOURCE_DATE_EPOCH, or the day on which its workspace is made."""
    given = os.environ.get("SOURCE_DATE_EPOCH", "")
    return int(given) if given.isascii() and given.isdecimal() else now() // _DAY * _DAY
