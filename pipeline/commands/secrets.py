"""``doit secrets``: hands over one gateway's secrets, on request only."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.build import reading
from pipeline.commands.answering import or_say_why
from pipeline.commands.doit_adapter import options_first
from pipeline.commands.helping import Helping
from pipeline.errors import PipelineError
from pipeline.fleet.base import ENTRY
from pipeline.host.digests import write_atomically
from pipeline.host.workspace import Workspace
from pipeline.signing.secrets.handover import encrypted_for, handover_text, write_private
from pipeline.signing.secrets.packs import pack
from pipeline.signing.secrets.roles import hand_over, role_text

_ON_TERMINAL = "-"


class Secrets(Helping):
    """Hand over a gateway's secrets."""

    name = "secrets"
    doc_purpose = "hand over a gateway's passwords, in a file that nobody else can read or in an encrypted one"
    doc_usage = "GATEWAY | --all --to DIRECTORY | --pack ROLE --to DIRECTORY [GATEWAY ...]"
    doc_description = (
        "The file must not exist yet and gets mode 0600. With --age it is encrypted, and only the recipient's identity "
        "opens it. No secret is printed, unless --to - asks for it on a terminal. --request and --certificate write "
        "the public part of a client key for mutual TLS, to standard output unless --to names a file: the signing "
        "request of a derived key for your authority, or the certificate that a broker has to know."
    )
    cmd_options = (
        {
            "name": "every",
            "short": "",
            "long": "all",
            "type": bool,
            "default": False,
            "help": "all gateways' secrets, one encrypted file for each role in gateway.toml [[secrets.recipient]], "
            "into the directory that --to names",
        },
        {
            "name": "to",
            "short": "",
            "long": "to",
            "type": str,
            "default": "",
            "help": "the file to write, which must not exist yet; - for the terminal",
        },
        {
            "name": "pack",
            "short": "",
            "long": "pack",
            "type": str,
            "default": "",
            "help": "instead: the built images of the gateways named, or of all, encrypted to this role of "
            "[[secrets.recipient]], into the directory that --to names",
        },
        {
            "name": "age",
            "short": "",
            "long": "age",
            "type": str,
            "default": "",
            "help": "an age recipient, whose identity alone opens the file",
        },
        {
            "name": "request",
            "short": "",
            "long": "request",
            "type": str,
            "default": "",
            "help": "instead: the signing request of the derived client key of this alias",
        },
        {
            "name": "certificate",
            "short": "",
            "long": "certificate",
            "type": str,
            "default": "",
            "help": "instead: the certificate of the client key of this alias",
        },
    )

    def parse_execute(self, in_args: Sequence[str]) -> int:
        """As doit does it, and with options after the gateway's name as well."""
        return int(
            super().parse_execute(options_first(in_args, ("--to", "--age", "--request", "--certificate", "--pack")))
        )

    def execute(self, opt_values: Mapping[str, object], pos_args: Sequence[str]) -> int:
        """Write the file; 2 when it cannot be."""
        text = {name: str(value) for name, value in opt_values.items()}
        if text["pack"]:
            return or_say_why(lambda: self._pack(pos_args, text))
        if opt_values["every"]:
            return or_say_why(lambda: self._hand_over_all(pos_args, text))
        if text["request"] or text["certificate"]:
            return or_say_why(lambda: self._show_public(pos_args, text))
        return or_say_why(lambda: self._hand_over(pos_args, text["to"], text["age"]))

    def _show_public(self, names: Sequence[str], options: Mapping[str, str]) -> int:
        request, certificate, target = options["request"], options["certificate"], options["to"]
        if len(names) != 1 or (request and certificate) or options["age"]:
            raise PipelineError(
                "one gateway and one of --request and --certificate are needed", "doit secrets gw-1 --request client"
            )
        workspace = Workspace.here()
        gateway = reading.gateway_of(workspace, names[0])
        content = (
            reading.client_request_of(workspace, gateway, request)
            if request
            else reading.client_certificate_of(workspace, gateway, certificate)
        )
        if target in ("", _ON_TERMINAL):
            sys.stdout.write(content.decode("ascii"))
        else:
            write_atomically(Path(target), content, 0o644)
        return 0

    def _hand_over_all(self, names: Sequence[str], options: Mapping[str, str]) -> int:
        if names or options["age"] or options["request"] or options["certificate"] or not options["to"].strip("-"):
            raise PipelineError(
                "--all goes with --to DIRECTORY, and with nothing else", "doit secrets --all --to handover"
            )
        workspace = Workspace.here()
        release = reading.release_of(workspace)
        if not release.recipients:
            raise PipelineError(
                "gateway.toml has no [[secrets.recipient]]: nobody would receive the secrets",
                'add role = "factory", age = ["age1…"], knows = ["root"] (docs/guide/secrets.md)',
            )
        told = [
            (gateway, reading.passwords_of(workspace, gateway), reading.secrets_of(workspace, gateway))
            for gateway in reading.gateways_of(workspace).values()
        ]
        contents = {recipient: role_text(release, recipient, told) for recipient in release.recipients}
        for path, recipient in zip(hand_over(Path(options["to"]), contents), contents, strict=True):
            sys.stdout.write(f"{path}: {len(told)} gateways: {', '.join(recipient.knows)}\n")
        return 0

    def _pack(self, names: Sequence[str], options: Mapping[str, str]) -> int:
        if options["age"] or options["request"] or options["certificate"] or not options["to"].strip("-"):
            raise PipelineError("--pack goes with --to DIRECTORY", "doit secrets --pack factory --to packs gw-north-01")
        workspace = Workspace.here()
        release = reading.release_of(workspace)
        roles = {recipient.role: recipient for recipient in release.recipients}
        if options["pack"] not in roles:
            raise PipelineError(
                f"gateway.toml has no [[secrets.recipient]] of role {options['pack']}",
                f"name one of these: {', '.join(roles) or 'none yet'}",
            )
        chosen = [reading.gateway_of(workspace, name).name for name in names] or [*reading.gateways_of(workspace)]
        sources = [workspace.result(release.name, name) for name in chosen]
        base = workspace.results(release.name) / ENTRY
        sources += [base] if base.is_dir() else []
        for path in pack(sources, Path(options["to"]), roles[options["pack"]], epoch=release.epoch):
            sys.stdout.write(f"{path}: for {options['pack']}\n")
        return 0

    def _hand_over(self, names: Sequence[str], target: str, recipient: str) -> int:
        if len(names) != 1:
            raise PipelineError("one gateway is needed", "doit secrets gw-north-01 --to gw-north-01.secrets")
        if not target:
            raise PipelineError(
                "secrets are printed only on request", f"name a file: doit secrets {names[0]} --to FILE"
            )
        on_terminal = target == _ON_TERMINAL
        if on_terminal and recipient:
            raise PipelineError("an encrypted file cannot be shown on a terminal", "name a file: --to FILE")
        if on_terminal and not sys.stdout.isatty():
            raise PipelineError(
                "standard output is not a terminal: secrets would end up in a log", "name a file: --to FILE"
            )
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
