"""``doit boottest``: start a throw-away copy of a gateway's image and look whether it does what its manifest says."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.boottest.look import Options
from pipeline.boottest.report import as_json, status_of, text
from pipeline.boottest.run import try_delivery
from pipeline.build import reading
from pipeline.commands.answering import or_say_why, private_directory
from pipeline.commands.helping import Helping
from pipeline.commands.verify import trusted_signers
from pipeline.errors import PipelineError
from pipeline.host import tools
from pipeline.host.progress import Progress
from pipeline.host.scratch import scratch_directory
from pipeline.host.workspace import Workspace
from pipeline.image.appliance import accelerator
from pipeline.verification.delivery import Delivery, find


class BootTest(Helping):
    """Boot gateways and look at them."""

    name = "boottest"
    doc_purpose = "boot a throw-away copy of a gateway's image and compare what it does with its manifest"
    doc_usage = "GATEWAY-OR-PATH ..."
    doc_description = (
        "GATEWAY is one of the workspace's release; PATH is an image, a gateway's directory or a release directory. "
        "The copy runs in QEMU on isolated networks; the image itself is only read. The test probes the gateway's "
        "ports from its own network, from the VPN and from elsewhere; with --identity it also logs in and looks from "
        "inside. Exit status: 0 the gateway does what its manifest says, 1 it deviates, 2 the test could not look."
    )
    cmd_options = (
        {
            "name": "signers",
            "short": "s",
            "long": "allowed-signers",
            "type": str,
            "default": "",
            "help": "who may sign, as for doit verify; default: this workspace's manifest key",
        },
        {
            "name": "key",
            "short": "i",
            "long": "identity",
            "type": str,
            "default": "",
            "help": "file with a user's private key (without passphrase), to log in and look from inside",
        },
        {
            "name": "user",
            "short": "",
            "long": "user",
            "type": str,
            "default": "",
            "help": "user to log in as; default: the release's first user with a key",
        },
        {
            "name": "kernel",
            "short": "",
            "long": "kernel",
            "type": str,
            "default": "",
            "help": "/boot/vmlinuz-VERSION of this machine; default: the image's own if it fits, else this machine's "
            "newest",
        },
        {
            "name": "memory",
            "short": "",
            "long": "memory",
            "type": int,
            "default": 512,
            "help": "memory of the virtual machine in MiB",
        },
        {
            "name": "patience",
            "short": "",
            "long": "patience",
            "type": int,
            "default": 900,
            "help": "seconds within which the gateway has to answer (without KVM it usually takes a minute, under load "
            "more)",
        },
        {
            "name": "log",
            "short": "",
            "long": "log",
            "type": str,
            "default": "",
            "help": "directory for the output of the serial consoles, one file for each gateway",
        },
        {
            "name": "as_json",
            "short": "",
            "long": "json",
            "type": bool,
            "default": False,
            "help": "print the verdicts as JSON",
        },
    )

    def execute(self, opt_values: Mapping[str, object], pos_args: Sequence[str]) -> int:
        """Print verdicts to standard output."""
        return or_say_why(lambda: self._test(opt_values, pos_args))

    def _test(self, options: Mapping[str, object], names: Sequence[str]) -> int:
        deliveries = _deliveries(names)
        key = _key(str(options["key"])) if options["key"] else None
        with private_directory() as state, scratch_directory("verify-", state) as own, Progress().running() as say:
            how = Options(
                allowed_signers=trusted_signers(str(options["signers"]), own),
                user=str(options["user"]),
                key=key,
                kernel=Path(str(options["kernel"])) if options["kernel"] else None,
                memory=int(str(options["memory"])),
                patience=float(str(options["patience"])),
                kvm="force_tcg" not in accelerator.settings(state, say),
                log=Path(str(options["log"])) if options["log"] else None,
            )
            tested = [try_delivery(delivery, how, say) for delivery in deliveries]
        sys.stdout.write(as_json(tested).decode() if options["as_json"] else text(tested))
        return status_of(tested)


def _deliveries(names: Sequence[str]) -> tuple[Delivery, ...]:
    """What is meant by each: a path that is there, else a gateway of this workspace's release."""
    if not names:
        raise PipelineError("nothing to boot", "doit boottest GATEWAY, or name an image or a directory")
    paths = [Path(name) for name in names]
    if not all(path.exists() for path in paths):
        workspace = Workspace.here()
        if workspace.release_file.exists():
            release = reading.release_of(workspace).name
            paths = [path if path.exists() else workspace.result(release, str(path)) for path in paths]
    return find(paths).deliveries


def _key(name: str) -> Path:
    key = Path(name).absolute()
    if not os.access(key, os.R_OK):
        raise PipelineError(f"{key}: cannot be read", "name the file with the private key of a user of the gateway")
    # ssh only warns and goes on without it, which would look like a refusal of the gateway's.
    if key.stat().st_mode & 0o077:
        raise PipelineError(f"{key}: others may read this private key, so ssh does not use it", f"chmod 600 {key}")
    # A passphrase would be asked of nobody, and what follows be taken for a refusal of the gateway's.
    opened = tools.run("ssh-keygen", "-y", "-P", "", "-f", key, reason="open the key", ok=range(256))
    if opened.status:
        told = "has a passphrase" if "passphrase" in opened.complaints else "is not a private key that ssh can use"
        raise PipelineError(
            f"{key}: {told}", f"give a key without one, such as a copy: cp {key} COPY; ssh-keygen -p -N '' -f COPY"
        )
    return key
