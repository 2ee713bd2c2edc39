"""Timestamps of bundle signatures (RFC 3161): asked for once, kept as inputs of the build, so that rebuilds repeat.

Off unless `gateway.toml` names an authority. The documents' jarsigner command has ``-tsa``; we leave it out because the
gateway does not look at it, no token can be made twice, and one by an authority that signs with EC, or with RSA under
another name, makes the framework of ESF 5 take the bundle for unsigned.
"""

from __future__ import annotations

import hashlib
import secrets as randomness
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.formats.crypto import timestamp
from pipeline.formats.crypto.timestamp import TimestampError
from pipeline.host import tools
from pipeline.host.digests import write_atomically
from pipeline.host.named_files import read_named

_PATIENCE = 30.0  # seconds
_LARGEST = 1 << 20


@dataclass(frozen=True)
class Authority:
    """Where tokens come from, and where they are kept.

    Attributes:
        directory: of the tokens, each named after the SHA-256 of the signature it is about; may be committed.
        url: of an authority (section 3.4 of RFC 3161), or
        command: of a program that reads a query on its standard input and writes the reply to its standard output.
    """

    directory: Path
    url: str = ""
    command: tuple[str, ...] = ()

    def token(self, signature: bytes, what: str) -> bytes:
        """The token of a signature: the one that is kept, else a new one, which is then kept.

        Raises:
            PipelineError: the authority cannot be asked or refuses, or the token is none for this signature.
        """
        digest = hashlib.sha256(signature).digest()
        kept = self.directory / f"{digest.hex()}.tst"
        if kept.exists():
            try:
                data = read_named(kept)
            except OSError as error:
                raise PipelineError(
                    f"{kept}: cannot be read: {error.strerror}", "remove it; a new one is asked for"
                ) from None
            _check(data, digest, None, f"{kept}: timestamp of {what}", "remove it; a new one is asked for")
            return data
        nonce = randomness.randbits(63)
        where = self.url or self.command[0]
        remedy = "correct [signing] in gateway.toml, or take it away: gateways do not need timestamps"
        try:
            data = timestamp.token_in(self._reply(timestamp.query(digest, nonce)))
        except TimestampError as error:
            raise PipelineError(f"{where}: no timestamp for {what}: {error}", remedy) from None
        _check(data, digest, nonce, f"{where}: timestamp of {what}", remedy)
        write_atomically(kept, data, 0o644)
        return data

    def doubts(self) -> list[str]:
        """What the tokens that are kept would do to bundles on gateways of the ESF 5 generation, one line each."""
        found = []
        for file in sorted(self.directory.glob("*.tst")):
            try:
                reasons = timestamp.doubts_of(timestamp.read_token(read_named(file)))
            except (TimestampError, OSError) as error:
                reasons = [str(error)]
            found += [f"{file.name}: {reason}" for reason in reasons]
        return found

    def _reply(self, query: bytes) -> bytes:
        if self.command:
            program, *arguments = self.command
            return tools.run(program, *arguments, reason="ask for a timestamp", stdin=query, timeout=_PATIENCE).stdout
        request = urllib.request.Request(  # noqa: S310 - read_release() lets http and https pass
            self.url, query, {"Content-Type": "application/timestamp-query"}
        )
        try:
            with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:  # noqa: S310
                reply: bytes = answer.read(_LARGEST)
        except (urllib.error.URLError, OSError) as error:
            reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or type(error).__name__
            raise TimestampError(f"it cannot be asked: {reason}") from None
        return reply


def _check(data: bytes, digest: bytes, nonce: int | None, what: str, remedy: str) -> None:
    try:
        token = timestamp.read_token(data)
    except TimestampError as error:
        raise PipelineError(f"{what}: {error}", remedy) from None
    problems = timestamp.problems_of(token, digest)
    if nonce is not None and token.nonce != nonce:
        problems.append("the token answers a different query")
    if problems:
        raise PipelineError(f"{what}: {problems[0]}", remedy)


def authority_of(url: str, command: Sequence[str], directory: Path) -> Authority | None:
    """The authority a release names, or None when it names none."""
    return Authority(directory, url, tuple(command)) if url or command else None
