"""Lists of algorithms in ``sshd_config``, by version (``kex-names.c``, ``cipher.c``, ``mac.c``, ``sshkey.c``)."""

from __future__ import annotations

from fnmatch import fnmatchcase

from pipeline.rules.grammar.sshd.keywords import Build

_ALWAYS, _NEVER = (0, 0), (99, 0)
_Span = tuple[tuple[int, int], tuple[int, int]]


def _names(text: str, since: tuple[int, int] = _ALWAYS, until: tuple[int, int] = _NEVER) -> dict[str, _Span]:
    return dict.fromkeys(text.split(), (since, until))


# Name to the first version that has it and the first that has it no more.
_CIPHERS = {
    **_names("3des-cbc aes128-cbc aes192-cbc aes256-cbc aes128-ctr aes192-ctr aes256-ctr"),
    **_names("aes128-gcm@openssh.com aes256-gcm@openssh.com", (6, 2)),
    **_names("chacha20-poly1305@openssh.com", (6, 5)),
    **_names("rijndael-cbc@lysator.liu.se", _ALWAYS, (8, 5)),
    **_names("arcfour arcfour128 arcfour256 blowfish-cbc cast128-cbc", _ALWAYS, (7, 6)),
}
_MACS = {
    **_names("hmac-sha1 hmac-sha1-96 hmac-sha2-256 hmac-sha2-512 hmac-md5 hmac-md5-96 umac-64@openssh.com"),
    **_names("umac-128@openssh.com hmac-sha1-etm@openssh.com hmac-sha1-96-etm@openssh.com", (6, 2)),
    **_names("hmac-sha2-256-etm@openssh.com hmac-sha2-512-etm@openssh.com hmac-md5-etm@openssh.com", (6, 2)),
    **_names("hmac-md5-96-etm@openssh.com umac-64-etm@openssh.com umac-128-etm@openssh.com", (6, 2)),
    **_names("hmac-ripemd160 hmac-ripemd160@openssh.com hmac-ripemd160-etm@openssh.com", _ALWAYS, (7, 6)),
    **_names("hmac-sha2-256-96 hmac-sha2-512-96", _ALWAYS, (6, 0)),
}
_EXCHANGES = {
    **_names("diffie-hellman-group1-sha1 diffie-hellman-group14-sha1 diffie-hellman-group-exchange-sha1"),
    **_names("diffie-hellman-group-exchange-sha256 ecdh-sha2-nistp256 ecdh-sha2-nistp384 ecdh-sha2-nistp521"),
    **_names("diffie-hellman-group14-sha256 diffie-hellman-group16-sha512 diffie-hellman-group18-sha512", (7, 3)),
    **_names("curve25519-sha256@libssh.org", (6, 5)),
    **_names("curve25519-sha256", (7, 4)),
    **_names("sntrup4591761x25519-sha512@tinyssh.org", (8, 0), (8, 5)),
    **_names("sntrup761x25519-sha512@openssh.com", (8, 5)),
    # Upstream has the short name since 9.9; Debian brought it to 9.2 with a security update.
    **_names("sntrup761x25519-sha512", (9, 2)),
    **_names("mlkem768x25519-sha256", (9, 9)),
}
_CURVES = "ecdsa-sha2-nistp256 ecdsa-sha2-nistp384 ecdsa-sha2-nistp521"
_PLAIN_KEYS = {
    **_names(f"ssh-rsa {_CURVES}"),
    **_names("ssh-ed25519", (6, 5)),
    **_names("ssh-dss", _ALWAYS, (10, 0)),
    **_names("rsa-sha2-256 rsa-sha2-512", (7, 2)),
    **_names("sk-ssh-ed25519@openssh.com sk-ecdsa-sha2-nistp256@openssh.com", (8, 2)),
    **_names("webauthn-sk-ecdsa-sha2-nistp256@openssh.com", (8, 4)),
}
_KEYS = _PLAIN_KEYS | {
    f"{name.partition('@')[0]}-cert-v01@openssh.com": span
    for name, span in _PLAIN_KEYS.items()
    if not name.startswith("webauthn")
}
LISTS = {
    "ciphers": _CIPHERS,
    "macs": _MACS,
    "kexalgorithms": _EXCHANGES,
    **dict.fromkeys(
        """hostkeyalgorithms pubkeyacceptedalgorithms pubkeyacceptedkeytypes hostbasedacceptedalgorithms
        hostbasedacceptedkeytypes casignaturealgorithms""".split(),
        _KEYS,
    ),
}


def unknown(keyword: str, text: str, build: Build) -> str | None:
    """The first name of a list that this sshd does not know; None where it takes the list.

    A list may begin with ``+``, ``^`` (added) or ``-`` (taken away: patterns, and nobody looks whether they mean
    anything). Names of keys may be patterns too.
    """
    known = [name for name, (since, until) in LISTS[keyword].items() if not _outside(build, since, until)]
    if text.startswith("-"):
        return None
    names = text.lstrip("+^") if text[:1] in "+^" else text
    if not names:
        return text or "nothing"
    patterns = LISTS[keyword] is _KEYS
    for name in names.split(","):
        meant = name in known or (patterns and any(letter in name for letter in "*?") and _any(known, name))
        if name and not meant:
            return name
    return None


def _outside(build: Build, since: tuple[int, int], until: tuple[int, int]) -> bool:
    return build.before(since) or build.from_on(until)


def _any(known: list[str], pattern: str) -> bool:
    return any(fnmatchcase(name, pattern.lstrip("!")) for name in known)
