"""``doit keys``: makes keys and certificates, takes certificates back, exports them, shows what is in a keystore."""

from __future__ import annotations

import argparse
import datetime
import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from doit.doit_cmd import DoitMain

from pipeline.build import reading
from pipeline.commands.answering import or_say_why
from pipeline.commands.doit_adapter import as_typed
from pipeline.commands.helping import Helping
from pipeline.errors import PipelineError
from pipeline.formats.crypto import jks
from pipeline.host.digests import write_atomically
from pipeline.host.named_files import read_named
from pipeline.host.workspace import Workspace
from pipeline.inputs.key_config import read_keys
from pipeline.report.text.keystore_text import certificate_lines, keystore_text
from pipeline.signing.keys.certificates import parse_name
from pipeline.signing.keys.key_files import Authority, KeyFiles, make_key, make_request, take_certificates
from pipeline.signing.keys.passphrase import SOURCES, read_passphrase
from pipeline.signing.keys.signers import read_certificates

_LEAST_BITS, _BITS, _DAYS = 2048, 3072, 3650
_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
_SOURCE_HELP = f"where the passphrase comes from: {SOURCES}; never the passphrase itself"


class Keys(Helping):
    """Keys that sign bundles, and their certificates."""

    name = "keys"
    doc_purpose = "make keys and certificates for signing bundles; show what is in a keystore"
    doc_usage = "new|csr|import|export|show ... (--help after each)"
    doc_description = (
        "new NAME --dn DN: a key with a self-signed certificate, or one issued by your company's authority (--ca, "
        "--ca-cert). csr NAME --dn DN: a key and a signing request; import NAME CERT...: what came back. "
        "export NAME --pem|--der: the certificate. show FILE: a JKS keystore, PEM or DER file, as keytool -list -v. "
        "Without arguments: run the task of this name, which checks the release's keys. docs/guide/signing.md "
        "describes every step."
    )

    def execute(self, opt_values: Mapping[str, object], pos_args: Sequence[str]) -> int:  # noqa: ARG002 - doit's signature
        """Print to standard output; files are written where the words say so."""
        if not pos_args:
            # the task keeps its name; doit gives that of a command to the command
            return int(DoitMain().run(["run", "keys"]))
        options = _parser().parse_args(as_typed("keys", pos_args))
        return or_say_why(lambda: _WORK[options.work](options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("doit keys")
    works = parser.add_subparsers(dest="work", required=True)
    for name, text in (("new", "make a key with a certificate"), ("csr", "make a key and a signing request")):
        work = works.add_parser(name, help=text)
        _place(work)
        work.add_argument("--dn", required=True, help="such as CN=www.companyname.com,O=Company Name,C=US")
        work.add_argument("--bits", type=int, default=_BITS, help=f"of the RSA key, {_LEAST_BITS} or more ({_BITS})")
        _existing(work)
        work.add_argument("--ec", action="store_true", help="an EC key (P-256), only for frameworks known to be newer")
        work.add_argument("--passphrase", default="", metavar="SOURCE", help=_SOURCE_HELP)
        if name == "new":
            work.add_argument(
                "--days", type=int, help=f"of validity ({_DAYS}; as long as the authority is valid, if less)"
            )
            work.add_argument(
                "--from",
                dest="first",
                default="",
                metavar="YYYY-MM-DD",
                help="first day (release's epoch; the authority's first day, if that is later)",
            )
            work.add_argument(
                "--ca", default="", metavar="KEY", help="of your company's authority: file:PATH, env:NAME or pkcs11:…"
            )
            work.add_argument(
                "--ca-cert",
                nargs="+",
                type=Path,
                default=[],
                metavar="FILE",
                help="its certificate first, then those of its issuers",
            )
            work.add_argument("--ca-passphrase", default="", metavar="SOURCE", help="as --passphrase")
    work = works.add_parser("import", help="take back the certificates that came for a request")
    _place(work)
    work.add_argument("certificates", nargs="+", type=Path, metavar="CERT", help="PEM or DER files, in any order")
    _existing(work)
    work.add_argument("--passphrase", default="", metavar="SOURCE", help=_SOURCE_HELP)
    work = works.add_parser("export", help="write out the certificate of a key in keys.toml")
    _place(work)
    form = work.add_mutually_exclusive_group(required=True)
    form.add_argument("--pem", action="store_true", help="as the console takes it")
    form.add_argument("--der", action="store_true", help="as keytool -export writes it")
    work.add_argument("--chain", action="store_true", help="with --pem: the issuers' certificates too")
    work.add_argument("-o", "--output", type=Path, metavar="FILE", help="instead of standard output")
    work = works.add_parser("show", help="show what is in a keystore or certificate file")
    work.add_argument("file", type=Path, metavar="FILE")
    work.add_argument(
        "--password", default="", metavar="SOURCE", help="checks the keystore's integrity; as --passphrase"
    )
    return parser


def _place(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="of the key, as in keys.toml")
    parser.add_argument("--keys", type=Path, default=Path("keys"), metavar="DIRECTORY", help="of keys.toml (keys)")


def _existing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--key",
        default="",
        metavar="URI",
        help="an existing key instead of a new one: file:PATH, env:NAME, or pkcs11:… in a token",
    )


def _new(options: argparse.Namespace) -> int:
    files = _files(options)
    if bool(options.ca) != bool(options.ca_cert):
        raise PipelineError("doit keys new: --ca and --ca-cert belong together", "give both, or none for self-signed")
    authority = Authority(options.ca, options.ca_passphrase, tuple(options.ca_cert)) if options.ca else None
    chain = make_key(
        files,
        parse_name(options.dn),
        first=_first(options.first),
        days=_days(_DAYS if options.days is None else options.days),
        bits=options.bits,
        elliptic=options.ec,
        authority=authority,
        fit_first=not options.first,
        fit_days=options.days is None,
    )
    _say(*certificate_lines(chain[0]), "", *_snippet(files), *_epoch_note(chain))
    return 0


def _csr(options: argparse.Namespace) -> int:
    files = _files(options)
    make_request(files, parse_name(options.dn), bits=options.bits, elliptic=options.ec)
    _say(
        f"{files.request}: send this to your authority; {files.uri or files.private} stays where it is",
        f"then: doit keys import {files.name} CERTIFICATE...  (its certificate and those of its issuers)",
    )
    return 0


def _import(options: argparse.Namespace) -> int:
    files = _files(options)
    chain = take_certificates(files, options.certificates)
    for der in chain:
        _say(*certificate_lines(der), "")
    _say(*_snippet(files), *_epoch_note(chain))
    return 0


def _export(options: argparse.Namespace) -> int:
    keyring = read_keys(options.keys / "keys.toml")
    entry = keyring.entries.get(options.name)
    if entry is None or not entry.certificates:
        raise PipelineError(f"{keyring.file}: there is no key {options.name} with certificates", "correct the name")
    chain = [der for path in entry.certificates for der in read_certificates(path, options.name)]
    if options.der and options.chain:
        raise PipelineError("doit keys export: DER holds one certificate", "leave --chain away, or take --pem")
    wanted = chain if options.chain else chain[:1]
    content = b"".join(
        der if options.der else x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM) for der in wanted
    )
    if options.output is not None:
        write_atomically(options.output, content, 0o644)
    else:
        sys.stdout.buffer.write(content)
    return 0


def _show(options: argparse.Namespace) -> int:
    try:
        data = read_named(options.file)
    except OSError as error:
        raise PipelineError(f"{options.file}: cannot be read: {error.strerror}", "correct the path") from None
    where = str(options.file)
    if b"-----BEGIN CERTIFICATE-----" in data or _is_certificate(data):
        for der in read_certificates(options.file, where):
            _say(*certificate_lines(der), "")
        return 0
    if options.password:
        password = read_passphrase(options.password, Path(), where)
        jks.read_keystore(data, password.decode("utf-8", "replace"), where)
    sys.stdout.write(keystore_text(jks.listing(data, where), checked=bool(options.password)))
    return 0


def _is_certificate(data: bytes) -> bool:
    try:
        x509.load_der_x509_certificate(data)
    except (ValueError, x509.InvalidVersion):
        return False
    return True


def _files(options: argparse.Namespace) -> KeyFiles:
    if not re.fullmatch(_NAME, options.name):
        raise PipelineError(f"{options.name!r}: not the name of a key", "use letters, digits, dot, dash, underscore")
    if getattr(options, "bits", _BITS) < _LEAST_BITS:
        raise PipelineError(f"--bits: {options.bits} bits are too weak", f"use {_LEAST_BITS} bits or more (A:39)")
    return KeyFiles(options.keys, options.name, options.passphrase, getattr(options, "key", ""))


def _first(text: str) -> int:
    """The first day of validity: as given, else that of the release, at whose epoch certificates must be valid."""
    if text:
        try:
            return int(datetime.datetime.fromisoformat(f"{text}T00:00:00+00:00").timestamp())
        except ValueError:
            raise PipelineError(f"--from: {text!r} is not a day", "write it as YYYY-MM-DD") from None
    workspace = Workspace.here()
    if not workspace.release_file.exists():
        raise PipelineError("--from: no gateway.toml here to take the first day from", "give --from YYYY-MM-DD")
    return reading.release_of(workspace).epoch


def _epoch_note(chain: Sequence[bytes]) -> list[str]:
    """What the release has to say of its clock before it can use a chain: the build refuses what is younger."""
    workspace = Workspace.here()
    if not workspace.release_file.exists():
        return []
    epoch = reading.release_of(workspace).epoch
    youngest = max(x509.load_der_x509_certificate(der).not_valid_before_utc for der in chain)
    if epoch >= youngest.timestamp():
        return []
    return [
        "",
        f"valid from {youngest:%Y-%m-%d %H:%M} UTC only, and this release's epoch is {epoch} "
        f"({datetime.datetime.fromtimestamp(epoch, datetime.UTC):%Y-%m-%d}). In gateway.toml [release]:",
        "",
        f"epoch = {int(youngest.timestamp())}",
    ]


def _days(days: int) -> int:
    if not 1 <= days <= 36_500:
        raise PipelineError("--days: not between one day and a hundred years", "correct the number")
    return days


def _snippet(files: KeyFiles) -> list[str]:
    """What goes into keys.toml; written by hand, so that nobody signs by accident with another key."""
    uri = _from(files.directory, files.uri) if files.uri else f"file:private/{files.private.name}"
    lines = [f"[{files.name}]", 'use = "bundle"', f'key = "{uri}"']
    lines += [f'passphrase = "{_from(files.directory, files.passphrase)}"'] if files.passphrase else []
    lines += [f'certificates = ["{files.certificate.name}"]']
    return [f"{files.certificate}: written. In {files.directory / 'keys.toml'}:", "", *lines]


def _from(directory: Path, source: str) -> str:
    """A source as keys.toml names it: its files count from where it lies, those of the command line from here."""
    kind, _, path = source.partition(":")
    return f"file:{os.path.relpath(path, directory)}" if kind == "file" else source


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))


_WORK = {"new": _new, "csr": _csr, "import": _import, "export": _export, "show": _show}
