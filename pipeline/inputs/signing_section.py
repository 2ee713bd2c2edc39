"""The sections of ``gateway.toml`` that say how bundles are signed."""

from __future__ import annotations

from pipeline.inputs.toml_table import Table
from pipeline.model.release import Signing

_PATH = r"[^\0-\x1f\x7f]+"
_URL = r"https?://[!-~]+"


def read_signing(keys: Table, signing: Table) -> Signing:
    """``resign`` of ``[keys]``, and ``[signing]``, which is closed here."""
    read = Signing(
        resign=keys.choice("resign", "refuse", ("refuse", "replace", "keep")),
        timestamp_url=signing.text("timestamp", "", form=_URL, meaning="the http or https address of an authority"),
        timestamp_command=_command(signing),
        timestamps=signing.text("timestamps", "keys/timestamps", form=_PATH, meaning="a path"),
    )
    if read.timestamp_url and read.timestamp_command:
        signing.wrong("timestamp_command", "cannot be given together with timestamp", "remove one of them")
    signing.close()
    return read


def _command(table: Table) -> tuple[str, ...]:
    """A program and its arguments, of which several may be the same."""
    words = table.items("timestamp_command")
    if any(not isinstance(word, str) or not word or not word.isprintable() for word in words):
        table.wrong("timestamp_command", "is not a program and its arguments", 'write ["program", "argument"]')
        return ()
    return tuple(str(word) for word in words)
