"""Guest paths: canonical or refused."""

from __future__ import annotations

import pytest

from pipeline.model.guest_path import GuestPath


@pytest.mark.parametrize("text", ["", "etc", "/etc/", "//etc", "/etc//ssh", "/etc/./ssh", "/etc/../ssh", "/a\0b", "/."])
def test_what_is_not_canonical_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="canonical"):
        GuestPath(text)


def test_parents_names_and_joins() -> None:
    path = GuestPath("/etc/ssh/sshd_config")
    assert (path.name, path.parent, path.parent.parent.parent) == ("sshd_config", "/etc/ssh", "/")
    assert GuestPath("/").parent == "/"
    assert GuestPath("/") / "etc" / "ssh" == "/etc/ssh"
    assert path.ancestors() == ("/", "/etc", "/etc/ssh")


def test_containment_compares_names_not_letters() -> None:
    assert GuestPath("/etc/ssh").is_under(GuestPath("/etc"))
    assert not GuestPath("/etc-old/ssh").is_under(GuestPath("/etc"))
    assert not GuestPath("/etc").is_under(GuestPath("/etc"))
    assert GuestPath("/etc").is_under(GuestPath("/"))
