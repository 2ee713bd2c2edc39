"""Whether the image itself can verify its password hashes: an old C library does not know newer schemes (A:11)."""

from __future__ import annotations

import re

from pipeline.model.image_view import ImageView
from pipeline.model.rule import Breach, Expected, Judgement, Rule, Severity
from pipeline.model.tree import Kind
from pipeline.rules.accounts.people import PASSWD, people
from pipeline.rules.looking import paths

READS = ("/etc/passwd", "/etc/shadow", "/etc/group", "/etc/gshadow")

_DIRECTORIES = tuple(
    f"{usr}/{lib}{more}" for usr in ("", "/usr") for lib in ("lib", "lib64", "lib32") for more in ("", "/*")
)
_NAMES = ("libcrypt.so.*", "libcrypt-*.so", "ld-musl-*.so.1")
_SCHEME = re.compile(r"\$([^$]*)\$")
# crypt(5) of libxcrypt 4.4; glibc's own libcrypt since 2.7 (its NEWS); musl's src/crypt.
_LIBXCRYPT = frozenset({"1", "2a", "2b", "2y", "5", "6", "7", "y", "gy", "sha1", "md5"})
_GLIBC = frozenset({"1", "5", "6"})
_MUSL = frozenset({"1", "2a", "2b", "2y", "5", "6"})


def _library(view: ImageView) -> tuple[str, frozenset[str]] | None:
    """The library that verifies passwords, and the schemes it knows; None when none is known by its name."""
    found = paths(view, *(f"{directory}/{name}" for directory in _DIRECTORIES for name in _NAMES))
    for path in found:
        glibc = re.fullmatch(r"libcrypt-2\.(\d+)\.so", path.name)
        node = view.tree.get(view.tree.resolve(path, follow_last=False))
        if re.fullmatch(r"libcrypt\.so\.(1\.1\.0|2(\..*)?)", path.name):
            return str(path), _LIBXCRYPT
        if glibc and int(glibc[1]) >= 7:
            return str(path), _GLIBC
        if path.name.startswith("ld-musl-"):
            return str(path), _MUSL
        # A link is a name of one of the others; a file is glibc's own from 2.34 on.
        if path.name == "libcrypt.so.1" and node is not None and node.kind is Kind.FILE:
            return str(path), _GLIBC
    return None


def _verifiable(view: ImageView, expected: Expected) -> Judgement:
    del expected
    known = people(view)
    if known is None:
        return Judgement.not_applicable(f"the image has no {PASSWD}")
    hashed = [(person, found[1]) for person in known.everybody if (found := _SCHEME.match(person.password))]
    if not hashed:
        return Judgement.not_applicable("no account has a password")
    library = _library(view)
    if library is None:
        schemes = ", ".join(sorted({f"${scheme}$" for _, scheme in hashed}))
        return Judgement.unverifiable(
            f"no libcrypt of glibc, libxcrypt or musl in the image: log in on a gateway to see that it knows {schemes}"
        )
    path, schemes_known = library
    return Judgement.of(
        [
            Breach(*person.kept_in, f"{person.name}: a hash by ${scheme}$, which {path} cannot verify", "one by $6$")
            for person, scheme in hashed
            if scheme not in schemes_known
        ],
        f"{path} verifies the hashes of {', '.join(person.name for person, _ in hashed)}",
    )


RULES = (
    Rule(
        id="accounts.verifiable_hashes",
        title="the image's own C library can verify every password hash in it",
        why="A hash the image's C library does not know can never match: the password is set, and it lets nobody in.",
        severity=Severity.HIGH,
        documents=("A:11",),
        references=("crypt(5)", "ETSI 5.1-3", "62443 CR 1.5"),
        profile="documents",
        check=_verifiable,
        remedy="a hash of SHA-512 crypt ($6$), which is what the pipeline itself makes",
        enforced_by="accounts",
    ),
)
