"""``doit golden``: what of the golden sample travels, what stays, what has changed, and how to decide."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from pipeline.build import reading
from pipeline.build.golden_sample import lock as golden_lock
from pipeline.classification import review
from pipeline.classification.item import Decision
from pipeline.classification.truth import missing
from pipeline.commands.first import inputs_first
from pipeline.commands.helping import Helping
from pipeline.errors import PipelineError
from pipeline.host.workspace import Workspace
from pipeline.report.text.golden_text import change_lines, golden_lines

_TROUBLE = 2  # could not look
_OPEN = 1  # there is something to be decided


class GoldenSample(Helping):
    """Show, accept and decide."""

    name = "golden"
    doc_purpose = "show what of the golden sample travels and what does not; decide about it"
    doc_usage = "[THING ...]"
    doc_description = (
        "Without options: lists everything in the export by what becomes of it, then what the documents list but the "
        "export lacks, then what has changed since the lock file was accepted. With --decide, THING is a path in the "
        "export, a component's pid and a setting with a space between them, or a pid alone for everything of it that "
        "waits for a decision. Exit status: 0 all is decided, 1 something is undecided, 2 the export could not be read."
    )
    cmd_options = (
        {
            "name": "accept",
            "short": "",
            "long": "accept",
            "type": bool,
            "default": False,
            "help": "write the lock file for the export as it is; decisions about things whose class is "
            "unchanged are kept",
        },
        {
            "name": "diff",
            "short": "",
            "long": "diff",
            "type": bool,
            "default": False,
            "help": "show only what has changed since the lock file was accepted",
        },
        {
            "name": "decide",
            "short": "",
            "long": "decide",
            "type": str,
            "default": "",
            "choices": ((Decision.TRAVELS.value, "of THING"), (Decision.STAYS.value, "of THING")),
            "help": "write a decision about each THING into the lock file",
        },
        {
            "name": "reason",
            "short": "",
            "long": "reason",
            "type": str,
            "default": "",
            "help": "with --decide: the reason, in one line, for whoever reviews the decision",
        },
        {
            "name": "every",
            "short": "",
            "long": "all",
            "type": bool,
            "default": False,
            "help": "list every setting of the snapshot",
        },
    )

    def execute(self, opt_values: Mapping[str, object], pos_args: Sequence[str]) -> int:
        """Print to standard output; the lock file is written with --accept and --decide only."""
        try:
            return _golden(opt_values, pos_args)
        except PipelineError as error:
            sys.stderr.write(f"{error}\n")
            return _TROUBLE


def _golden(options: Mapping[str, object], things: Sequence[str]) -> int:
    workspace = Workspace.here()
    inputs_first(workspace)
    release = reading.release_of(workspace)
    where = release.golden_lock
    export, items = golden_lock.judged(workspace, release.golden)
    lock = golden_lock.read_lock(workspace, release)
    if bool(things) != bool(options["decide"]):
        raise PipelineError(
            "--decide and at least one THING have to be given together",
            'doit golden --decide stays --reason "why" etc/ssh/ssh_host_rsa_key',
        )
    said: list[str] = []
    if options["accept"]:
        said += change_lines(review.changes(items, lock), where) if lock.entries else [f"{where}: {len(items)} things"]
        lock = review.accepted(items, lock)
    if things:
        reason = " ".join(str(options["reason"]).split())
        lock = review.decided(lock, items, things, Decision(str(options["decide"])), reason)
        said.append(f"{where}: {options['decide']}: {len(things)}")
    if said:
        golden_lock.write_lock(workspace, release, lock)
    elif not options["diff"]:
        said.append(f"golden sample {release.golden}: of release {export.esf_version}, decided in {where}")
        said += golden_lines(
            items, lock, missing(export.files, golden_lock.layout_of(export)), every=bool(options["every"])
        )
        said += change_lines(review.changes(items, lock), where)
    else:
        said += change_lines(review.changes(items, lock), where)
    still = list(review.problems(items, lock, where))
    if still:
        said += ["still to be decided:", *(f"  {problem.what}\n    fix: {problem.remedy}" for problem in still)]
    said += [f"warning: {warning}" for warning in export.warnings]
    sys.stdout.write("".join(f"{line}\n" for line in said))
    return _OPEN if still else 0
