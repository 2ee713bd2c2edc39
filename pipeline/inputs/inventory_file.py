"""The inventory: the gateways of a release, from TOML or from CSV as a spreadsheet writes it.

TOML has one ``[[gateway]]`` per device; the shipped ``devices.toml`` documents its keys. CSV has one row per device and
these columns, separated by commas or semicolons, with or without a byte order mark:

* ``name`` (mandatory, unless ``[gateways] names`` makes names), ``serial``, ``mac``, ``imei``, ``iccid``,
  ``client_id``, ``site``
* ``label.NAME`` for a further text on labels and lists
* ``IF.KEY`` for an interface, such as ``eth0.address``; KEY is one of state, method, address, gateway, dns, dhcp_range,
  ssid, channel, apn; several values (dns, dhcp_range) are separated by spaces
* ``user.NAME.KEY`` for an account of this gateway; KEY is one of uid, keys, sudo, shell; several keys
  are separated by ``|``
* ``variable.NAME`` for a value that overlay templates use

An empty cell is as if the column were not there.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Interface, IPv4Network
from pathlib import Path

from pipeline.errors import PipelineError, Problem, raise_if_any
from pipeline.inputs.hardware import CLIENT_ID, read_iccid, read_imei, read_mac
from pipeline.inputs.interfaces import INTERFACE, read_interface
from pipeline.inputs.toml_table import Table, decode, load, read_bytes
from pipeline.inputs.users import read_users
from pipeline.model.gateway import Gateway

# One label of RFC 1123: it becomes a host name, a directory and a task name. Digits alone read as an address.
HOST = r"(?![0-9]+$)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
SERIAL = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
_VARIABLE = r"[a-z][a-z0-9_]{0,63}"
# Values land in line-oriented files, XML and shell: no line ends, and nothing any of these gives a meaning. Letters are
# those of every language, composed or with their marks beside them, as macOS writes them.
_VALUE = r"[\w\u0300-\u036f .,:;/@+()=-]{0,1024}"
_TAKEN = ("sha256sums", "localhost")  # a file beside the gateways' directories; every machine's own name
_COLUMN = re.compile(
    r"(?P<plain>name|serial|mac|imei|iccid|client_id|site)"
    r"|label\.(?P<label>[a-z0-9_]+)"
    r"|user\.(?P<user>[a-z0-9_-]+)\.(?P<user_key>uid|keys|sudo|shell)"
    r"|variable\.(?P<variable>[a-z0-9_]+)"
    r"|(?P<interface>[a-z][a-z0-9]*)\.(?P<key>state|method|address|gateway|dns|dhcp_range|ssid|channel|apn)"
)


def read_gateways(path: Path, names: str = "") -> tuple[Gateway, ...]:
    """The gateways in the order of the file.

    Args:
        names: pattern of host names for rows without one: ``{serial}``, ``{mac}`` (its last six digits),
            ``{client_id}``; empty where each row has its own.

    Raises:
        PipelineError: everything that is wrong, each with its row and column or with its key.
    """
    problems: list[Problem] = []
    tables = _csv_rows(path, problems, names) if path.suffix.lower() == ".csv" else _toml_rows(path, problems)
    gateways = [(table, gateway_in(table, path.parent, names)) for table in tables]
    _require_unique(gateways)
    raise_if_any(problems)
    return tuple(gateway for _, gateway in gateways)


def _toml_rows(path: Path, problems: list[Problem]) -> list[Table]:
    root = Table(str(path), load(path, "inventory"), problems)
    tables = gateway_tables(root)
    if not tables:
        problems.append(Problem(f"{path}: no gateway in it", "add [[gateway]] with a name for each device"))
    return tables


def gateway_tables(root: Table) -> list[Table]:
    """The gateways of an inventory in TOML, which holds nothing else."""
    tables = list(root.tables("gateway"))
    root.close()
    return tables


def _csv_rows(path: Path, problems: list[Problem], names: str) -> list[Table]:
    """Rows brought into the shape of the TOML tables, so that one set of checks is for both."""
    text = decode(read_bytes(path, "inventory"), str(path))
    rows = _split(text, path)
    if not rows:
        raise PipelineError(f"{path}: empty", "the first row names the columns, at least: name")
    (head_line, header), *body = rows
    columns = [cell.strip() for cell in header]
    _check_header(columns, f"{path}: row {head_line}", problems, names)
    tables: list[Table] = []
    for line, cells in body:
        place = f"{path}: row {line}"
        if len(cells) != len(columns):
            problems.append(
                Problem(
                    f"{place}: {len(cells)} cells, the header has {len(columns)} columns",
                    "give each row as many cells as the header; quote cells with separators in them",
                )
            )
            continue
        tables.append(Table(place, _as_table(columns, cells), problems))
    if not body:
        problems.append(Problem(f"{path}: no gateway in it", "add a row for each device below the header"))
    return tables


def _split(text: str, path: Path) -> list[tuple[int, list[str]]]:
    """Non-empty rows with the line they end on; quoted line ends are followed."""
    first = text.split("\n", 1)[0]
    separator = ";" if first.count(";") > first.count(",") else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows: list[tuple[int, list[str]]] = []
    try:
        rows.extend((reader.line_num, row) for row in reader if any(cell.strip() for cell in row))
    except csv.Error as error:
        raise PipelineError(f"{path}: row {reader.line_num}: not CSV: {error}", "save it as CSV again") from None
    return rows


def _check_header(columns: list[str], place: str, problems: list[Problem], names: str) -> None:
    for number, column in enumerate(columns, 1):
        if column in columns[: number - 1]:
            problems.append(Problem(f"{place} column {number}: {ascii(column)} is there twice", "keep one of them"))
        elif not _COLUMN.fullmatch(column):
            problems.append(
                Problem(
                    f"{place} column {number}: unknown column {ascii(column)}",
                    "known: name, serial, mac, imei, iccid, client_id, site, label.NAME, IF.KEY, user.NAME.KEY, "
                    "variable.NAME (docs/guide/inventory.md)",
                )
            )
    if "name" not in columns and not names:
        problems.append(
            Problem(f"{place}: no column `name`", "add it, or [gateways] names; each device needs its host name")
        )


def _as_table(columns: list[str], cells: list[str]) -> dict[str, object]:
    """One row as a TOML table would give it."""
    table: dict[str, object] = {}
    interfaces: dict[str, dict[str, object]] = {}
    variables: dict[str, object] = {}
    labels: dict[str, object] = {}
    users: dict[str, dict[str, object]] = {}
    for column, cell in zip(columns, (cell.strip() for cell in cells), strict=True):
        place = _COLUMN.fullmatch(column)
        if place is None or not cell:
            continue
        if place["plain"]:
            table[place["plain"]] = cell
        elif place["user"]:
            users.setdefault(place["user"], {"name": place["user"]})[place["user_key"]] = _typed(
                place["user_key"], cell
            )
        elif place["variable"]:
            variables[place["variable"]] = cell
        elif place["label"]:
            labels[place["label"]] = cell
        else:
            interfaces.setdefault(place["interface"], {})[place["key"]] = _typed(place["key"], cell)
    table.update({"interfaces": interfaces, "variables": variables, "labels": labels, "users": list(users.values())})
    return table


def _typed(key: str, cell: str) -> object:
    if key in ("uid", "channel"):
        return int(cell) if re.fullmatch(r"[0-9]{1,9}", cell, re.ASCII) else cell
    if key in ("dns", "dhcp_range"):
        return cell.split()
    if key == "keys":
        return [part.strip() for part in cell.split("|")]
    return cell


def gateway_in(table: Table, base: Path, names: str = "") -> Gateway:
    """One gateway; what is wrong is noted with its table.

    Args:
        base: directory that paths of keys are relative to.
        names: pattern of host names, as in `read_gateways`.
    """
    given = table.has("name") or not names
    name = table.text("name", form=HOST, meaning="a host name (RFC 1123, one label)", shown=True) if given else ""
    if name:
        table.place += f" ({name})"
    serial = table.text("serial", "", form=SERIAL, meaning="a serial number")
    mac = read_mac(table, "mac")
    client_id = table.text(
        "client_id", "", form=CLIENT_ID, meaning="a client id without blanks, /, +, #, .", shown=True
    )
    if not given:
        name = _made_name(
            table, names, {"serial": serial.lower(), "mac": mac.replace(":", "")[-6:], "client_id": client_id}
        )
    if name.lower() in _TAKEN:
        table.wrong("name", f"{name} cannot be the name of a gateway", "choose another name")
    interfaces = table.table("interfaces")
    variables = table.table("variables")
    gateway = Gateway(
        name=name,
        serial=serial,
        mac=mac,
        imei=read_imei(table, "imei"),
        iccid=read_iccid(table, "iccid"),
        client_id=client_id,
        site=unicodedata.normalize("NFC", table.text("site", "", form=_VALUE, meaning="a plain value")),
        labels=dict(_variables(table.table("labels"))),
        interfaces={key: read_interface(key, interfaces.table(key)) for key in interfaces.names(INTERFACE)},
        users=read_users(table.tables("users"), base),
        variables=dict(_variables(variables)),
    )
    _refuse_overlaps(gateway, interfaces)
    table.close()
    return gateway


def _made_name(table: Table, pattern: str, values: Mapping[str, str]) -> str:
    """The host name as the release's pattern makes it."""
    missing = [key for key in values if f"{{{key}}}" in pattern and not values[key]]
    if missing:
        table.wrong(
            missing[0], f"is missing, and gateway.toml [gateways] names = {pattern} needs it", "add it, or name"
        )
        return ""
    name = pattern
    for key, value in values.items():
        name = name.replace(f"{{{key}}}", value)
    if not re.fullmatch(HOST, name):
        table.wrong("name", f"{ascii(name)}, made by [gateways] names, is not a host name", f"allowed form: {HOST}")
        return ""
    return name


def _variables(table: Table) -> Iterator[tuple[str, str]]:
    for key in table.names(_VARIABLE):
        if not re.fullmatch(_VARIABLE, key):
            table.wrong(ascii(key), "is not the name of a variable", f"allowed form: {_VARIABLE}")
        else:
            yield key, unicodedata.normalize("NFC", table.text(key, form=_VALUE, meaning="a plain value"))


def _refuse_overlaps(gateway: Gateway, table: Table) -> None:
    """A gateway with one network on two interfaces answers on neither reliably."""
    networks: dict[str, IPv4Network] = {}
    for interface in gateway.interfaces.values():
        if interface.state == "disabled" or not interface.address:
            continue
        network = IPv4Interface(interface.address).network
        for other, taken in networks.items():
            if network.overlaps(taken):
                table.wrong(f"{interface.name} address", f"lies in the network of {other}", "give each its own network")
        networks[interface.name] = network


def _require_unique(gateways: list[tuple[Table, Gateway]]) -> None:
    """Names become directories and serials labels: two that differ in case only would still be taken for one."""
    for what in ("name", "serial", "mac", "imei", "iccid", "client_id"):
        seen: dict[str, str] = {}
        for table, gateway in gateways:
            value = str(getattr(gateway, what))
            if value and value.lower() in seen:
                table.wrong(what, f"{value} is also that of {seen[value.lower()]}", "give each gateway its own")
            elif value:
                seen[value.lower()] = table.place.rsplit(": ", 1)[-1]
