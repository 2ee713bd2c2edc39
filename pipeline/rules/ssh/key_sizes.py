"""Sizes of the SSH keys in an image, each by the measure of its kind (A:39)."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.formats.ssh import ssh_public_key
from pipeline.formats.ssh.ssh_public_key import PublicKeyError
from pipeline.model.image_view import ImageView
from pipeline.model.rule import Breach, Expected, Judgement, Rule, Severity
from pipeline.rules.accounts.people import people
from pipeline.rules.identity.identity import READS as IDENTITY_READS
from pipeline.rules.identity.identity import host_key_files
from pipeline.rules.looking import files, lines, paths
from pipeline.rules.ssh.host_key import line_of_key, public_part

READS = (*IDENTITY_READS, "/etc/ssh/*.pub", "/etc/passwd", "/etc/shadow", "/etc/group", "/etc/gshadow")
LEAST_RSA = 2048


def authorized(view: ImageView) -> tuple[str, ...]:
    """Every file of keys that may log in: in the homes of accounts, where homes usually are, and below /etc/ssh."""
    known = people(view)
    homes = {person.home.rstrip("/") for person in (known.everybody if known else ())}
    homes |= {"/root", *(str(path) for path in paths(view, "/home/*"))}
    found = paths(view, *(f"{home}/.ssh/authorized_keys*" for home in sorted(homes)), "/etc/ssh/authorized_keys*/*")
    return tuple(str(path) for path in found)


def _sizes(view: ImageView, expected: Expected) -> Judgement:
    del expected
    breaches: list[Breach] = []
    looked = 0
    for path, data in files(view, "/etc/ssh/*.pub", *authorized(view)):
        for number, line in lines(data):
            if line.strip() and not line.lstrip().startswith("#"):
                looked += 1
                breaches += _judged(path, number, line)
    for key in host_key_files(view):
        public = public_part(view.find(key) or b"")
        if public is not None:  # without a public half beside it nobody else looks
            looked += 1
            breaches += _judged(str(key), 0, line_of_key(public))
    if not looked:
        return Judgement.not_applicable("no public keys of SSH in the image")
    return Judgement.of(breaches, f"{looked} keys: RSA by its modulus, the others by their curve")


def _judged(path: str, number: int, line: str) -> Iterator[Breach]:
    try:
        key = ssh_public_key.parse(line)
    except PublicKeyError as error:
        yield Breach(path, number, str(error), "a public key, or no line")
        return
    if key.algorithm == "ssh-dss":
        yield Breach(
            path, number, "a DSA key: 1024 bits, and gone from OpenSSH", "Ed25519, or RSA of 2048 bits and more"
        )
    elif key.algorithm == "ssh-rsa" and key.bits < LEAST_RSA:
        yield Breach(path, number, f"an RSA key of {key.bits} bits", f"at least {LEAST_RSA}")


RULES = (
    Rule(
        id="accounts.keys",
        title="every SSH key has 2048 bits or, of another kind than RSA, what is as good",
        why=(
            "Short keys can be factored with rented machines; whoever does it logs in without leaving a failed attempt."
        ),
        severity=Severity.HIGH,
        documents=("A:39", "A:40"),
        references=("CaC sshd_use_strong_rekey_limit", "ETSI 5.5-1", "62443 CR 1.9", "62443 CR 4.3", "BSI TR-02102-4"),
        profile="documents",
        check=_sizes,
        remedy="ask for a new key: ssh-keygen -t ed25519",
        conflict="2048 counts RSA's bits: an Ed25519 key has 256 and is stronger; BSI and NIST ask RSA for 3072 by now",
        enforced_by="accounts",
    ),
)
