"""Passwords Kura 3 and 4 lose: how many of each length, as its own classes lost them, and none of ours."""

from __future__ import annotations

import base64
import random

import pytest

from pipeline.formats.crypto.kura_aes import is_lost
from pipeline.signing.secrets.derivation import Derivation

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%-_"


def lost(length: int, count: int = 1500) -> int:
    dice = random.Random(length)
    return sum(is_lost("".join(dice.choice(LETTERS) for _ in range(length))) for _ in range(count))


@pytest.mark.parametrize("length", [16, 24, 31, 32, 48])
def test_none_of_these_lengths(length: int) -> None:
    assert lost(length) == 0


@pytest.mark.parametrize("length", [36, 40, 47])
def test_some_of_three_blocks(length: int) -> None:
    assert 1 <= lost(length) <= 20


def test_base64_of_whole_blocks_can_be_taken_for_encrypted() -> None:
    dice = random.Random(1)
    assert 1 <= sum(is_lost(base64.b64encode(dice.randbytes(48)).decode()) for _ in range(2000)) <= 30


def test_no_derived_password_is_lost() -> None:
    for number in range(300):
        assert not is_lost(Derivation(b"f" * 32, f"gateway-{number}", 1).password("cacerts.ks password"))
