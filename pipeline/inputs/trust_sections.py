"""``[policy]``, ``[keystores]`` and what is given of ``[secrets]`` in ``gateway.toml``."""

from __future__ import annotations

import re

from pipeline.inputs.toml_table import Table
from pipeline.model.release import DERIVED, ClientKey, Keystores, Policy, PolicyRow

_PATH = r"[^\0-\x1f\x7f]+"
_GUEST_PATH = r"(/(?!\.\.?(/|\Z))[A-Za-z0-9._+-]+)+"
_ALIAS = r"[a-z0-9][a-z0-9._-]{0,63}"
_PRINTABLE = r"[!-~]([ -~]*[!-~])?"
_URI = r"[a-z][a-z0-9+]*:[^\0-\x1f\x7f]+"
_CLASS = r"[A-Za-z_$][A-Za-z0-9_$]*(\.[A-Za-z_$][A-Za-z0-9_$]*)+"
_GIVEN = ("file", "env", "command", "age", "sops")


def read_policy(table: Table) -> Policy:
    """The security policy; whether names and permissions mean something is for those to say who know them."""
    policy = Policy(
        vendor_signers=table.texts("vendor_signers", form=_PRINTABLE, meaning="a distinguished name"),
        keep_golden=table.boolean("keep_golden", default=False),
        source=table.choice("source", "generated", ("generated", "golden")),
        rows=tuple(_row(entry) for entry in table.tables("row")),
    )
    if policy.source == "golden" and policy.keep_golden:
        table.wrong("keep_golden", 'has no effect with source = "golden", which keeps them', "remove one of the two")
    table.close()
    return policy


def _row(table: Table) -> PolicyRow:
    row = PolicyRow(
        name=table.text("name", form=_PRINTABLE),
        signer=table.text("signer", form=_PRINTABLE, meaning="a distinguished name"),
        permissions=_permissions(table),
        access=table.choice("access", "ALLOW", ("ALLOW", "DENY")),
    )
    table.close()
    return row


def _permissions(table: Table) -> tuple[tuple[str, ...], ...]:
    found: list[tuple[str, ...]] = []
    for number, item in enumerate(table.items("permissions"), 1):
        words = item if isinstance(item, list) else []
        if not 1 <= len(words) <= 3 or not all(
            isinstance(word, str) and re.fullmatch(_PRINTABLE, word) for word in words
        ):
            table.wrong(
                f"permissions[{number}]", "is not a permission", 'write ["java.net.SocketPermission", "*", "connect"]'
            )
        elif not re.fullmatch(_CLASS, words[0]):
            table.wrong(f"permissions[{number}]", "does not begin with the name of a class", "see B:180 to B:219")
        else:
            found.append(tuple(words))
    if not table.items("permissions"):
        table.wrong("permissions", "no permission", "name at least one (B:176)")
    return tuple(found)


def read_keystores(table: Table) -> Keystores:
    """What goes into the keystores, and what opens the vendor's."""
    aliases = _trusted(table.table("trusted_tls"))
    keystores = Keystores(
        certificates=table.text("certificates", "", form=_GUEST_PATH, meaning="an absolute path in the image"),
        certificates_password=table.text("certificates_password", "defaultPassword", form=_PRINTABLE),
        cacerts_password=table.text("cacerts_password", "changeit", form=_PRINTABLE),
        trusted_tls=aliases,
        trusted_signers=_trusted(table.table("trusted_signers")),
        replaced=table.texts("replaced", form=_ALIAS, meaning="an alias"),
        client_keys=_client_keys(table),
    )
    for client in keystores.client_keys:
        if client.alias in aliases:
            table.wrong("client_key", f"alias {client.alias} is that of a trusted certificate", "give it another one")
    table.close()
    return keystores


def _trusted(table: Table) -> dict[str, str]:
    """Files of certificates by alias."""
    aliases = {}
    for alias in table.names(_ALIAS):
        if not re.fullmatch(_ALIAS, alias):
            table.wrong(ascii(alias), "is not an alias", f"allowed form: {_ALIAS}")
        else:
            aliases[alias] = table.text(alias, form=_PATH, meaning="the path of a PEM file")
    return aliases


def _client_keys(table: Table) -> tuple[ClientKey, ...]:
    found: list[ClientKey] = []
    for entry in table.tables("client_key"):
        client = ClientKey(
            alias=entry.text("alias", form=_ALIAS, meaning="an alias"),
            key=entry.text("key", form=_URI, meaning="a URI such as file:… or derived:p256"),
            certificates=entry.texts("certificates", form=_PATH, meaning="a path"),
            passphrase=entry.text("passphrase", "", form=_URI, meaning="a URI such as file:…"),
        )
        derived = client.key.startswith("derived:")
        if derived and client.key != DERIVED:
            entry.wrong("key", "is not a kind of derived key", f"use {DERIVED}")
        if derived and client.passphrase:
            entry.wrong("passphrase", "a derived key has none", "take it away")
        if not client.certificates and not derived:
            entry.wrong("certificates", "no certificate", "name the PEM files of the chain, leaf first up to the root")
        if "{gateway}" not in client.key and not derived:
            entry.wrong("key", "would be the same on every gateway", "put {gateway} where the gateway's name belongs")
        if any(client.alias == known.alias for known in found):
            entry.wrong("alias", "is there twice", "give each key an alias of its own")
        entry.close()
        found.append(client)
    return tuple(found)


def read_given(table: Table) -> str:
    """Where what a gateway has been given comes from."""
    uri = table.text("given", "", form=_URI, meaning="a URI such as file:…")
    if not uri:
        return ""
    if uri.partition(":")[0] not in _GIVEN:
        table.wrong("given", "is not a known kind of source", f"use one of: {', '.join(f'{kind}:' for kind in _GIVEN)}")
    elif "{gateway}" not in uri:
        table.wrong("given", "would be the same on every gateway", "put {gateway} where the gateway's name belongs")
    return uri
