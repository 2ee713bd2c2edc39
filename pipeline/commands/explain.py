"""``doit explain``: why a path, a line, a setting, a block or a bundle is as it is."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.build.explain.bundles import explain_bundles, is_bundle
from pipeline.build.explain.image import explain_image
from pipeline.commands.answering import or_say_why
from pipeline.commands.doit_adapter import options_first
from pipeline.commands.helping import Helping
from pipeline.errors import PipelineError
from pipeline.host.progress import Progress
from pipeline.host.workspace import Workspace


class Explain(Helping):
    """Say which rule and which input put a path into an image, or whether a bundle may run and why."""

    name = "explain"
    doc_purpose = "say why something in an image is as it is, or whether the security policy lets a bundle run"
    doc_usage = "IMAGE PATH[:LINE] ... | IMAGE --block N | IMAGE --property PID.NAME | FILE.jar-OR-FILE.dp ..."
    doc_description = (
        "IMAGE is an image, its manifest, or the gateway's directory that holds both. Manifests are trusted without a "
        "check of their signatures: run doit verify first. Secrets are masked. A bundle or deployment package on this "
        "machine is judged by the policy that the workspace plans, or by --policy; exit status 1 when a bundle may "
        "not run."
    )
    cmd_options = (
        {
            "name": "policy",
            "short": "",
            "long": "policy",
            "type": str,
            "default": "",
            "help": "for bundles: a security.policy, or a gateway's directory under out/, whose image is then opened",
        },
        {
            "name": "block",
            "short": "",
            "long": "block",
            "type": int,
            "default": -1,
            "help": "say what block N belongs to; blocks have 4096 bytes and count from the image's start, as in the "
            "block map",
        },
        {
            "name": "property",
            "short": "",
            "long": "property",
            "type": str,
            "default": "",
            "help": "say where the value of this setting of the snapshot comes from: PID.NAME",
        },
    )

    def parse_execute(self, in_args: Sequence[str]) -> int:
        """As doit does it, and with the option after the bundles as well."""
        return int(super().parse_execute(options_first(in_args, ("--policy", "--block", "--property"))))

    def execute(self, opt_values: Mapping[str, object], pos_args: Sequence[str]) -> int:
        """Print to standard output."""
        if pos_args and all(is_bundle(path) for path in pos_args):
            return or_say_why(lambda: self._explain_bundles(pos_args, str(opt_values["policy"])))
        block, setting = int(str(opt_values["block"])), str(opt_values["property"])
        return or_say_why(lambda: self._explain(pos_args, block, setting))

    def _explain_bundles(self, paths: Sequence[str], policy: str) -> int:
        with Progress().running() as say:
            text, good = explain_bundles(Workspace.here(), paths, policy, say)
        sys.stdout.write(text)
        return 0 if good else 1

    def _explain(self, arguments: Sequence[str], block: int, setting: str) -> int:
        if len(arguments) < (2 if block < 0 and not setting else 1):
            raise PipelineError(
                "an image and a path in it are needed", "doit explain out/<release>/<gateway> /etc/ssh/sshd_config:2"
            )
        with Progress().running() as say:
            parts = list(explain_image(Path(arguments[0]), arguments[1:], block=block, setting=setting, say=say))
        sys.stdout.write("".join(parts))
        return 0
