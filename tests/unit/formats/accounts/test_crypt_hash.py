"""Password hashes, judged by openssl's implementation."""

from __future__ import annotations

import subprocess

import pytest

from pipeline.formats.accounts import crypt_hash

PASSWORDS = [
    "",
    "a",
    "root",
    "eurotech",
    "long enough to need more than one block of the digest, that is over 64 bytes",
    "ünï",
]


def by_openssl(password: str, kind: str, salt: str) -> str:
    done = subprocess.run(
        ["openssl", "passwd", f"-{kind}", "-salt", salt, "-stdin"],
        input=f"{password}\n", capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout.strip()


@pytest.mark.tools
@pytest.mark.parametrize("password", [password for password in PASSWORDS if password])
def test_openssl_makes_the_same(password: str) -> None:
    assert crypt_hash.sha512crypt(password, "saltsaltsaltsalt") == by_openssl(password, "6", "saltsaltsaltsalt")


@pytest.mark.tools
@pytest.mark.parametrize("kind", ["5", "6"])
@pytest.mark.parametrize("salt", ["x", "abcdefghijklmnop", "rounds=1500$salt"])
def test_a_hash_fits_its_password_only(kind: str, salt: str) -> None:
    hashed = by_openssl("eurotech", kind, salt)
    assert crypt_hash.fits("eurotech", hashed) is True
    assert crypt_hash.fits("Eurotech", hashed) is False


@pytest.mark.parametrize(
    "hashed",
    [
        "",
        "*",
        "!",
        "$1$salt$0123456789012345678901",
        "$y$j9T$salt$hash",
        "$6$salt$short",
        "$6$rounds=900000$s$" + "." * 86,
    ],
)
def test_what_is_not_computed_is_not_guessed(hashed: str) -> None:
    assert crypt_hash.fits("root", hashed) is None


@pytest.mark.parametrize("salt", ["", "seventeen letters", "col:on", "dollar$"])
def test_salts_that_would_break_the_file_are_refused(salt: str) -> None:
    with pytest.raises(ValueError, match="salt"):
        crypt_hash.sha512crypt("secret", salt)


def test_a_hash_made_here_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rules try a dozen words on each gateway's own hash: none of them is computed; one of elsewhere is."""
    hashed = crypt_hash.sha512crypt("long and its own", "saltsaltsalt")
    elsewhere = crypt_hash.sha512crypt("another", "saltsaltsalt")
    crypt_hash._MADE.pop(elsewhere)
    asked: list[str] = []
    compute = crypt_hash._digest
    monkeypatch.setattr(crypt_hash, "_digest", lambda *given: asked.append(given[1]) or compute(*given))
    assert [crypt_hash.fits(word, hashed) for word in ("", "root", "long and its own")] == [False, False, True]
    assert not asked
    assert crypt_hash.fits("another", elsewhere)
    assert asked == ["another"]
