"""``doit bundles``: signs the bundles, or has them signed where the key is."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from doit.doit_cmd import DoitMain

from pipeline.build import signing_exchange
from pipeline.commands.answering import or_say_why
from pipeline.commands.doit_adapter import EMIT_OR_TAKE
from pipeline.commands.helping import Helping
from pipeline.errors import PipelineError
from pipeline.host.workspace import Workspace


class Bundles(Helping):
    """Sign bundles here, or through a directory that travels to the key and back."""

    name = "bundles"
    doc_purpose = "sign the bundles; --emit and --take have them signed where the key is"
    doc_usage = "[--emit DIRECTORY | --take DIRECTORY]"
    doc_description = (
        "Without options: run the task of this name. With --emit: write what is to be signed, and a request that lists "
        "it; "
        "no key is opened. With --take: check the signatures in a directory and keep them as inputs of the build. "
        "Exit status of --take: 0 every bundle has its signature, 1 some are missing, 2 something is wrong. "
        "docs/guide/signing.md describes every step."
    )
    cmd_options = EMIT_OR_TAKE

    def execute(self, opt_values: Mapping[str, object], pos_args: Sequence[str]) -> int:
        """Print what was written or taken to standard output."""
        emit, take = str(opt_values["emit"]), str(opt_values["take"])
        if not emit and not take and not pos_args:
            # the task keeps its name; doit gives that of a command to the command
            return int(DoitMain().run(["run", "bundles"]))
        return or_say_why(lambda: _exchange(emit, take, pos_args))


def _exchange(emit: str, take: str, further: Sequence[str]) -> int:
    if further or (emit and take):
        raise PipelineError("doit bundles: too many arguments", "doit bundles [--emit DIRECTORY | --take DIRECTORY]")
    workspace = Workspace.here()
    if emit:
        lines, complete = signing_exchange.emit(workspace, Path(emit)), True
    else:
        lines, complete = signing_exchange.take(workspace, Path(take))
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 0 if complete else 1
