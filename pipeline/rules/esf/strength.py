"""How strong a password is, as far as one can tell by looking at it; the words never contain the password."""

from __future__ import annotations

from collections.abc import Collection

# Vendors' defaults, in lower case: public Kura, ESF's documents, and what people type first.
WELL_KNOWN = frozenset(
    """admin administrator password passw0rd p@ssw0rd changeit changeme defaultpassword default eurotech everyware
    esf kura eclipse root toor test testkeys guest user operator gateway letmein welcome qwerty secret iot
    12345678 123456789 1234567890 00000000 11111111 kura_gateway kura.user.admin""".split()
)
SHORTEST = 12
# A passphrase of WPA2 can be tried off-line, as fast as the attacker's hardware goes.
SHORTEST_WIFI = 16
_FEWEST_LETTERS = 8  # different ones


def weakness(password: str, names: Collection[str] = (), *, shortest: int = SHORTEST, kinds: int = 3) -> str:
    """What makes a password weak, in words; empty for a strong one.

    Args:
        names: what must not be in it: the user's name, the network's name.
        kinds: how many of lower case, upper case, digits and special characters it needs (A:115 names all four).
    """
    plain = password.lower()
    if not password:
        return "is empty"
    if plain in WELL_KNOWN or plain.strip("0123456789!._-") in WELL_KNOWN:
        return "is a well-known default"
    if any(name and name.lower() == plain for name in names):
        return "is the name it belongs to"
    if len(password) < shortest:
        return f"is shorter than {shortest} characters"
    if len(set(password)) < _FEWEST_LETTERS:
        return f"has fewer than {_FEWEST_LETTERS} different characters"
    tests = (str.islower, str.isupper, str.isdigit, lambda letter: not letter.isalnum())
    if sum(any(belongs(letter) for letter in password) for belongs in tests) < kinds:
        return f"has fewer than {kinds} of lower case, upper case, digits and special characters"
    return ""
