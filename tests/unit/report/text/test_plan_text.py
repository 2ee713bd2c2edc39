"""The plan as text: complete, stable, and silent about secrets."""

from __future__ import annotations

from dataclasses import replace

from pipeline.model.guest_path import GuestPath
from pipeline.model.layer import DirEntry, FileEntry, Layer, LinkEntry, Origin, Removal
from pipeline.report.text.plan_text import plan_text
from tests.support.manifest import a_layer, a_vanilla_tree

CONTENTS = {GuestPath("/etc/hostname"): b"vanilla\n", GuestPath("/etc/shadow"): b"root:x\n"}
WHY = (Origin("rule.x", "gateway.toml [x]", "A:1"),)


def text(*entries: FileEntry | DirEntry | LinkEntry | Removal) -> str:
    return plan_text(a_vanilla_tree(), CONTENTS, Layer.of(*entries), "gw-1")


def a_text(path: str, content: bytes, **more: int) -> FileEntry:
    return FileEntry(GuestPath(path), content, WHY, **more)


def test_the_whole_plan_reads_like_this() -> None:
    whole = plan_text(a_vanilla_tree(), CONTENTS, a_layer(), "gw-1")
    assert whole.startswith("gw-1: 11 paths: 4 new, 4 replaced, 1 metadata, 2 removed; 3 with secret content\n\n")
    assert (
        "~ /etc/hostname  file, replaced, 0644 0:0 5 bytes\n"
        "      identity.hostname: devices.toml gw-1 [A:205]\n"
        "    @@ -1 +1 @@\n"
        "    -vanilla\n"
        "    +gw-1\n"
    ) in whole
    assert "~ /etc/ssh  directory, metadata, 0700 0:0 (mode was 0755)\n" in whole
    assert "- /usr/lib/old  directory, removed with 2 paths in it\n" in whole
    assert (
        "- /etc/init.d/avahi-daemon  file, removed\n      services.disabled: gateway.toml [services] [A:88]\n" in whole
    )
    assert "+ /home/link  link, new, to ../etc/a -> b\n" in whole
    assert "    the old content was not read\n" in whole


def test_the_same_plan_is_the_same_text() -> None:
    assert plan_text(a_vanilla_tree(), CONTENTS, a_layer(), "x") == plan_text(
        a_vanilla_tree(), CONTENTS, a_layer(), "x"
    )


def test_neither_new_nor_old_secret_content_is_shown() -> None:
    secret = FileEntry(GuestPath("/etc/shadow"), b"root:$6$salt$hash\nmore\n", WHY, mode=0o640, gid=42, secret=True)
    shown = text(secret)
    assert "secret content, 23 bytes" in shown
    assert "$6$" not in shown
    assert "root:x" not in shown
    assert "sha256" not in shown


def test_a_new_text_is_shown_and_a_binary_is_named_by_digest() -> None:
    assert "    +Welcome\n" in text(a_text("/etc/motd", b"Welcome\n"))
    assert "    binary, sha256 " in text(a_text("/etc/x.bin", b"\x00\x01"))
    assert "    binary, sha256 " in text(a_text("/etc/x.bin", b"\xff\xfe"))


def test_a_missing_last_newline_is_a_difference() -> None:
    assert "    -vanilla\n    +vanilla⏎ missing\n" in text(a_text("/etc/hostname", b"vanilla"))


def test_long_differences_are_cut_and_say_so() -> None:
    shown = text(a_text("/etc/motd", b"line\n" * 500), a_text("/etc/long", b"x" * 5000 + b"\n"))
    assert "… and 381 more lines\n" in shown
    assert max(map(len, shown.splitlines())) < 200


def test_content_cannot_steer_the_terminal() -> None:
    shown = text(a_text("/etc/motd", b"\x1b[2J\x07 \xc2\x9b \xe2\x80\xae evil\r\n"))
    assert "\\x1b[2J\\x07 \\x9b \\u202e evil\\r" in shown
    assert not set("\x1b\x07\x9b\u202e\r") & set(shown)


def test_what_is_already_so_is_said_to_be() -> None:
    assert text(a_text("/etc/hostname", b"vanilla\n")).splitlines()[0] == "gw-1: 1 paths: 1 as it is"
    assert "= /bin  link, as it is" in text(LinkEntry(GuestPath("/bin"), "usr/bin", WHY))
    assert "~ /bin  link, metadata, to usr/bin (owner was 0:0)" in text(
        replace(LinkEntry(GuestPath("/bin"), "usr/bin", WHY), uid=7)
    )


def test_changes_of_kind_target_mode_and_owner_say_what_was() -> None:
    assert "(was a link)" in text(a_text("/bin", b"x"))
    assert "link, replaced, to sbin, was usr/bin" in text(LinkEntry(GuestPath("/bin"), "sbin", WHY))
    assert "(mode was 0644, owner was 0:0)" in text(a_text("/etc/hostname", b"vanilla\n", mode=0o600, uid=5))


def test_nothing_to_do_is_one_line() -> None:
    assert text() == "gw-1: nothing changes\n"


def test_an_extended_attribute_that_goes_is_a_change() -> None:
    ping = FileEntry(GuestPath("/usr/bin/ping"), b"ping", WHY, mode=0o755)
    assert text(ping).startswith("gw-1: 1 paths: 1 metadata\n")


def test_secrets_nobody_has_called_so_are_not_shown_either() -> None:
    # An overlay takes the place of the vendor's file, whose hash nobody is to read in a plan.
    hashed = b"root:$6$Ab3dE6gH$" + b"h" * 86 + b":1::::::\n"
    whole = plan_text(
        a_vanilla_tree(), {GuestPath("/etc/shadow"): hashed}, Layer.of(a_text("/etc/shadow", b"root:*:1::::::\n")), "x"
    )
    assert "not shown: password: a password hash" in whole
    assert "h" * 86 not in whole
    assert "Hidden-Value-77" not in text(a_text("/etc/app.conf", b"a=1\npassword=Hidden-Value-77\n"))
