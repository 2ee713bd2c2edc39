"""``doit secrets``: hands over one gateway's secrets, on request only."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from doit.cmd_base import Command

from pipeline.commands import or_say_why
from pipeline.doit_adapter import options_first
from pipeline.errors import PipelineError
from pipeline.signing.handover import encrypted_for, handover_text, write_private
from pipeline.stages import reading
from pipeline.workspace import Workspace

_ON_TERMINAL = "-"


class Secrets(Command):
    """Hand over a gateway's secrets."""

    name = "secrets"
    doc_purpose = "hand over a gateway's passwords, to a file nobody else can read or an encrypted one"
    doc_usage = "GATEWAY"
    doc_description = (
        "The file must not exist and gets mode 0600. With --age it holds what only the recipient's identity opens. "
        "Nothing secret is printed, unless --to - asks for it on a terminal."
    )
    cmd_options = (
        {
            "name": "to",
            "short": "",
            "long": "to",
            "type": str,
            "default": "",
            "help": "the file to write, which must not be there yet; - for the terminal",
        },
        {
            "name": "age",
            "short": "",
            "long": "age",
            "type": str,
            "default": "",
            "help": "an age recipient, whose identity alone opens the file",
        },
    )

    def parse_execute(self, in_args: Sequence[str]) -> int:
        """As doit does it, and with options after the gateway's name as well."""
        return int(super().parse_execute(options_first(in_args, ("--to", "--age"))))

    def execute(self, opt_values: Mapping[str, object], pos_args: Sequence[str]) -> int:
        """Write the file; 2 when it cannot be."""
        return or_say_why(lambda: self._hand_over(pos_args, str(opt_values["to"]), str(opt_values["age"])))

    def _hand_over(self, names: Sequence[str], target: str, recipient: str) -> int:
        if len(names) != 1:
            raise PipelineError("one gateway is needed", "doit secrets gw-north-01 --to gw-north-01.secrets")
        if not target:
            raise PipelineError("secrets are not printed unasked", f"name a file: doit secrets {names[0]} --to FILE")
        on_terminal = target == _ON_TERMINAL
        if on_terminal and recipient:
            raise PipelineError("an encrypted file is not for a terminal", "name a file: --to FILE")
        if on_terminal and not sys.stdout.isatty():
            raise PipelineError("standard output is no terminal: secrets would end in a log", "name a file: --to FILE")
        workspace = Workspace.here()
        gateway = reading.gateway_of(workspace, names[0])
        release = reading.release_of(workspace)
        secrets = reading.secrets_of(workspace, gateway)
        content = handover_text(release, gateway, reading.passwords_of(workspace, gateway), secrets)
        if on_terminal:
            sys.stdout.write(content.decode("ascii"))
            return 0
        write_private(Path(target), encrypted_for(recipient, content) if recipient else content)
        kind = "encrypted" if recipient else "mode 0600"
        sys.stdout.write(f"{target}: secrets of {gateway.name}, {kind}\n")
        return 0
