"""Which password hashes an image can verify is told by the C library it has; the machine's own says the same."""

from __future__ import annotations

import ctypes
import ctypes.util
import re

import pytest

from pipeline.model.rule import Expected, RuleOutcome
from pipeline.rules import registry
from tests.support.breakages import Change, both, link, put, remove
from tests.support.hardened import a_hardened_view
from tests.support.linux_places import YESCRYPT, root

CHECK = next(rule.check for rule in registry.LINUX if rule.id == "accounts.verifiable_hashes")
SHA = "$6$salt$" + "B" * 86


def outcome(*changes: Change) -> RuleOutcome:
    return CHECK(both(remove("/usr/lib/libcrypt.so.1.1.0"), *changes)(a_hardened_view()), Expected()).outcome


@pytest.mark.parametrize(
    ("library", "sha", "yescrypt"),
    [
        ("/usr/lib/x86_64-linux-gnu/libcrypt.so.1.1.0", RuleOutcome.PASS, RuleOutcome.PASS),
        ("/lib/libcrypt.so.2.0.0", RuleOutcome.PASS, RuleOutcome.PASS),
        ("/lib/arm-linux-gnueabihf/libcrypt-2.31.so", RuleOutcome.PASS, RuleOutcome.FAIL),
        ("/lib/ld-musl-aarch64.so.1", RuleOutcome.PASS, RuleOutcome.FAIL),
        ("/lib/libcrypt.so.1", RuleOutcome.PASS, RuleOutcome.FAIL),
        ("/lib/libcrypt-2.3.so", RuleOutcome.UNVERIFIABLE, RuleOutcome.UNVERIFIABLE),
        ("/lib/libcrypt-0.9.33.2.so", RuleOutcome.UNVERIFIABLE, RuleOutcome.UNVERIFIABLE),
        ("/lib/libc.so.6", RuleOutcome.UNVERIFIABLE, RuleOutcome.UNVERIFIABLE),
    ],
)
def test_each_library(library: str, sha: RuleOutcome, yescrypt: RuleOutcome) -> None:
    assert outcome(put(library, "ELF"), root(SHA)) is sha
    assert outcome(put(library, "ELF"), root(YESCRYPT)) is yescrypt


def test_a_link_is_only_another_name() -> None:
    changes = put("/lib/libcrypt.so.1.1.0", "ELF"), link("/lib/libcrypt.so.1", "libcrypt.so.1.1.0"), root(YESCRYPT)
    assert outcome(*changes) is RuleOutcome.PASS


def test_without_any_password_there_is_nothing_to_verify() -> None:
    assert outcome(root("*")) is RuleOutcome.NOT_APPLICABLE


@pytest.mark.tools
def test_the_machine_s_libxcrypt_knows_what_is_said_of_it() -> None:
    """crypt(3) answers with a hash of the same scheme, or with a text that begins with a star."""
    name = ctypes.util.find_library("crypt")
    assert name is not None
    crypt = ctypes.CDLL(name).crypt
    crypt.restype = ctypes.c_char_p
    for setting in (b"$1$salt$", b"$5$saltsalt$", b"$6$saltsalt$", b"$y$j9T$F5Jx5fExrKuPp53xLKQ..1$"):
        assert re.match(rb"\$[156y]\$", crypt(b"secret", setting) or b"*"), setting
