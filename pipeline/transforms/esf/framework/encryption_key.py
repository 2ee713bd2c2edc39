"""A key of each gateway's own for what the framework encrypts, in the place of the one that is published.

Kura takes it from the system property ``org.eclipse.kura.core.crypto.secretKey``, 16, 24 or 32 bytes, in every release
from 3.0 on (CryptoServiceImpl); its documentation calls replacing the default crucial.
"""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.formats.java import start_script
from pipeline.formats.shell.words import Word
from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import FileEntry, Layer, Origin
from pipeline.model.release import Release
from pipeline.model.trust import GatewaySecrets
from pipeline.model.vanilla import Vanilla

RULE = "framework.encryption_key"
FILE = GuestPath("/etc/kura-encryption-key")
PROPERTY = "-Dorg.eclipse.kura.core.crypto.secretKey="
_READ = f"$(cat {FILE})"


def is_wanted(vanilla: Vanilla, release: Release) -> bool:
    """Whether a release gives its gateways keys of their own; of ESF nobody has published how it takes one."""
    return vanilla.layout.product == "Kura" and (release.rules.profile == "strict" or RULE in release.rules.also)


def with_key(text: str) -> str:
    """A start script whose java commands take the key from the gateway's file."""
    for number in range(len(start_script.java_commands(text))):
        command = start_script.java_commands(text)[number]
        stated = [word for word in command.options if word.value.startswith(PROPERTY)]
        if stated:
            text = start_script.with_words(text, _replaced(text, stated))
        else:
            text = start_script.with_word_after(text, command.program, f'{PROPERTY}"{_READ}"')
    return text


def _replaced(text: str, stated: list[Word]) -> Iterator[tuple[Word, str | None]]:
    """Inside of a quoted variable, quotes around the value would end it; elsewhere the value needs them."""
    for number, word in enumerate(stated):
        inside = text[: word.start].count('"') % 2 == 1
        yield word, None if number else f"{PROPERTY}{_READ}" if inside else f'{PROPERTY}"{_READ}"'


def give(vanilla: Vanilla, release: Release, secrets: GatewaySecrets) -> Layer:
    """The gateway's key, for the framework's own user alone."""
    if not is_wanted(vanilla, release):
        return Layer()
    if not secrets.encryption_key:
        raise RuntimeError("no encryption key was derived for this gateway")
    uid, gid = vanilla.process_owner
    origin = Origin(RULE, "derived for this gateway", "A:141")
    content = f"{secrets.encryption_key}\n".encode()
    return Layer.of(FileEntry(FILE, content, (origin,), 0o400, uid, gid, secret=True))
