"""/etc/hosts: the machine's own name on its own line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.formats.network.hosts_file import with_name


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "127.0.0.1\tlocalhost\n127.0.1.1\told.example old\n\n::1\tlocalhost\n",
            "127.0.0.1\tlocalhost\n127.0.1.1\tnew\n\n::1\tlocalhost\n",
        ),
        ("127.0.0.1 localhost\n::1 localhost\n", "127.0.0.1 localhost\n127.0.1.1\tnew\n::1 localhost\n"),
        ("", "127.0.1.1\tnew\n"),
        ("# only\n", "127.0.1.1\tnew\n# only\n"),
        ("127.0.0.1 localhost old\n", "127.0.0.1\tlocalhost\n127.0.1.1\tnew\n"),
        ("192.0.2.1 old\n127.0.0.1 localhost", "127.0.0.1 localhost\n127.0.1.1\tnew\n"),
        ("127.0.1.1 a\n127.0.1.1 b\n", "127.0.1.1\tnew\n"),
        ("#127.0.1.1 old\n  127.0.1.1\told # mine\n", "#127.0.1.1 old\n127.0.1.1\tnew\n"),
        ("127.0.1.10 other\n", "127.0.1.1\tnew\n127.0.1.10 other\n"),
    ],
)
def test_the_name_stands_on_one_line(before: str, after: str) -> None:
    assert with_name(before.encode(), "127.0.1.1", "new", "old").decode() == after


@given(st.binary(max_size=200))
def test_doing_it_twice_changes_nothing(data: bytes) -> None:
    once = with_name(data, "127.0.1.1", "new", "old")
    assert with_name(once, "127.0.1.1", "new", "old") == once
    assert once.count(b"127.0.1.1\tnew\n") >= 1
