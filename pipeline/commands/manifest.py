"""``doit manifest``: describes and signs the images, or has manifests and provenances signed where the key is."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from doit.doit_cmd import DoitMain

from pipeline.build.fleet_fitness import require_fit_for_deltas
from pipeline.build.release import exchange as release_exchange
from pipeline.commands.answering import or_say_why
from pipeline.commands.doit_adapter import EMIT_OR_TAKE
from pipeline.commands.helping import Helping
from pipeline.commands.holding import held_workspace
from pipeline.errors import PipelineError
from pipeline.host.progress import Progress
from pipeline.host.workspace import Workspace


class Manifest(Helping):
    """Sign manifests here, or through a directory that travels to the key and back."""

    name = "manifest"
    doc_purpose = "sign the manifests; --emit and --take have them signed where the key is"
    doc_usage = "[--emit DIRECTORY | --take DIRECTORY]"
    doc_description = (
        "Without options: run the tasks of this name. With --emit: build every image up to its signature, and write "
        "what is to be signed, with the commands that sign it; no key is opened. With --take: check the signatures "
        "in a directory and keep them as inputs of the build; doit build goes on from there. Exit status of --take: 0 "
        "every gateway has its signatures, 1 some are missing, 2 something is wrong. "
        "docs/guide/signing.md describes every step."
    )
    cmd_options = EMIT_OR_TAKE

    def execute(self, opt_values: Mapping[str, object], pos_args: Sequence[str]) -> int:
        """Print what was written or taken to standard output."""
        emit, take = str(opt_values["emit"]), str(opt_values["take"])
        if not emit and not take and not pos_args:
            # the tasks keep their name; doit gives that of a command to the command
            return int(DoitMain().run(["run", "manifest"]))
        return or_say_why(lambda: _exchange(emit, take, pos_args))


def _exchange(emit: str, take: str, further: Sequence[str]) -> int:
    if further or (emit and take):
        raise PipelineError("doit manifest: too many arguments", "doit manifest [--emit DIRECTORY | --take DIRECTORY]")
    workspace = Workspace.here()
    if take:
        with held_workspace():
            lines, complete = release_exchange.take(workspace, Path(take))
    else:
        release_exchange.require_apart(workspace)
        require_fit_for_deltas(workspace)
        status = int(DoitMain().run(["run", "stamp"]))
        if status:
            return status
        with held_workspace(), Progress().running() as say:
            lines, complete = release_exchange.emit(workspace, Path(emit), say), True
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 0 if complete else 1
