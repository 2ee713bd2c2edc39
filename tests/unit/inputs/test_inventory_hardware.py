"""Numbers of hardware in the inventory: forms people and spreadsheets write, check digits, uniqueness, many rows."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.inputs.hardware import is_luhn
from pipeline.inputs.inventory_file import read_gateways
from pipeline.model.gateway import Gateway
from pipeline.plan.gateway_facts import row_of

# Published examples: 3GPP TS 23.003 and GSMA TS.06 (IMEI), ITU-T E.118 (ICCID).
IMEI, ICCID = "490154203237518", "8901410321111851072"


def read(tmp_path: Path, text: str, names: str = "") -> tuple[Gateway, ...]:
    path = tmp_path / "devices.csv"
    path.write_text(text, "utf-8")
    return read_gateways(path, names)


def problems(tmp_path: Path, text: str, names: str = "") -> list[str]:
    with pytest.raises(PipelineError) as caught:
        read(tmp_path, text, names)
    return [problem.what.removeprefix(f"{tmp_path}/") for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("column", "cell", "value"),
    [
        ("mac", "00-60-0C-81-01-02", "00:60:0c:81:01:02"),
        ("mac", "00600C810102", "00:60:0c:81:01:02"),
        ("mac", "0060.0c81.0102", "00:60:0c:81:01:02"),
        ("mac", "00:60:0C:81:01:02", "00:60:0c:81:01:02"),
        ("mac", "", ""),
        ("imei", IMEI, IMEI),
        ("imei", "49-015420-323751-8", IMEI),
        ("imei", "49 015420 323751 8", IMEI),
        ("iccid", ICCID, ICCID),
        ("iccid", "8901 4103 2111 1851 072", ICCID),
        ("iccid", f"{ICCID}F", ICCID),
        ("client_id", "plant-7:gw@south", "plant-7:gw@south"),
        ("site", "Nördliche Pumpstation (2)", "Nördliche Pumpstation (2)"),
    ],
)
def test_as_people_write_them(column: str, cell: str, value: str, tmp_path: Path) -> None:
    (gateway,) = read(tmp_path, f"name,{column}\na,{cell}\n")
    assert getattr(gateway, column) == value


@pytest.mark.parametrize(
    ("column", "cell", "reason"),
    [
        ("mac", "00:60:0c:81:01", "is not a hardware address"),
        ("mac", "00:60:0c:81:01:0g", "is not a hardware address"),
        ("mac", "00:60-0c:81:01:02:03", "is not a hardware address"),
        ("mac", "01:00:5e:00:00:01", "a group's address"),
        ("mac", "ff:ff:ff:ff:ff:ff", "a group's address"),
        ("mac", "000000000000", "all zeros"),
        ("imei", "490154203237519", "check digit"),
        ("imei", "49015420323751", "is not the number of a modem"),
        ("imei", "4.90154E+14", "what a spreadsheet makes of a long number"),
        ("imei", "4,90154E+14", "what a spreadsheet makes"),
        ("iccid", "8901410321111851073", "check digit"),
        ("iccid", "8.9911E+18", "what a spreadsheet makes"),
        ("iccid", "7901410321111851072", "is not the number of a SIM card"),
        ("client_id", "a/b", "is not a client id"),
        ("client_id", "a b", "is not a client id"),
        ("client_id", "a#", "is not a client id"),
        ("client_id", "$(reboot)", "is not a client id"),
        ("site", "<b>", "is not a plain value"),
        ("label.shelf", "a;$b", "is not a plain value"),
    ],
)
def test_slips_are_named_with_row_and_column(column: str, cell: str, reason: str, tmp_path: Path) -> None:
    cell = f'"{cell}"'
    (problem,) = problems(tmp_path, f"name,{column}\na,{cell}\n")
    where = "[labels] shelf" if column == "label.shelf" else column
    assert problem.startswith(f"devices.csv: row 2 (a) {where}: ")
    assert reason in problem


@pytest.mark.parametrize(
    ("column", "one", "other"),
    [
        ("mac", "00:60:0c:81:01:02", "00600C810102"),
        ("imei", IMEI, "49-015420-323751-8"),
        ("iccid", ICCID, f"{ICCID}F"),
        ("client_id", "gw", "GW"),
        ("serial", "S1", "s1"),
    ],
)
def test_what_must_be_each_gateways_own(column: str, one: str, other: str, tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, f"name,{column}\na,{one}\nb,{other}\nc,\nd,\n")
    assert problem.startswith(f"devices.csv: row 3 (b) {column}: ")
    assert problem.endswith("is also that of row 2 (a)")


def test_sites_and_labels_may_be_shared_and_go_where_labels_go(tmp_path: Path) -> None:
    first, second = read(tmp_path, "name,site,label.shelf\na,North,7\nb,North,7\n")
    assert first.site == second.site == "North"
    assert first.labels == {"shelf": "7"}
    assert row_of(first)["labels"] == {"shelf": "7"}
    assert "imei" not in row_of(first)


@pytest.mark.parametrize(
    ("pattern", "name"),
    [("gw-{serial}", "gw-rg2025-17"), ("{mac}-gw", "810102-gw"), ("{client_id}", "c7")],
)
def test_names_by_pattern(pattern: str, name: str, tmp_path: Path) -> None:
    row = "serial,mac,client_id\nRG2025-17,00:60:0C:81:01:02,c7\n"
    assert [gateway.name for gateway in read(tmp_path, row, pattern)] == [name]
    given = f"name,{row}".replace("\n", "\nown,", 1)
    assert [gateway.name for gateway in read(tmp_path, given, pattern)] == ["own"]


def test_names_by_pattern_that_cannot_be(tmp_path: Path) -> None:
    assert problems(tmp_path, "serial,mac\nA_1,\n,\nB,\nb,\n", "gw-{serial}") == [
        "devices.csv: row 2 name: 'gw-a_1', made by [gateways] names, is not a host name",
        "devices.csv: row 5 name: gw-b is also that of row 4",
        "devices.csv: row 5 serial: b is also that of row 4",
    ]
    assert (
        "serial: is missing, and gateway.toml [gateways] names = gw-{serial} needs it"
        in problems(tmp_path, "serial,site\n,North\n", "gw-{serial}")[0]
    )


def check_digit(body: str) -> str:
    return next(f"{body}{digit}" for digit in range(10) if is_luhn(f"{body}{digit}"))


def test_five_thousand_rows_of_a_spreadsheet_with_all_slips_at_once(tmp_path: Path) -> None:
    chance = random.Random(15)
    rows = [
        [
            f"gw-{number:04}", f"SN{number:05}", f"00:60:0C:{number >> 8:02X}:{number & 255:02X}:01",
            check_digit(f"35{number:012}"), check_digit(f"8939{number:014}"), f"client-{number}", f"Site {number % 40}",
            f"shelf {number % 9}",
        ]
        for number in range(5000)
    ]  # fmt: skip
    header = ["name", "serial", "mac", "imei", "iccid", "client_id", "site", "label.shelf"]

    def save(name: str) -> Path:
        path = tmp_path / name
        with path.open("w", newline="", encoding="utf-8-sig") as stream:
            csv.writer(stream, delimiter=";").writerows([header, *rows])
        return path

    gateways = read_gateways(save("good.csv"))
    assert len({gateway.imei for gateway in gateways}) == len(gateways) == 5000
    slips: set[tuple[int, str]] = set()
    for number in chance.sample(range(1, 5000), 120):
        column = chance.choice(header[:6])
        at = header.index(column)
        # a copy of the first row's cell, or one digit typed wrongly
        rows[number][at] = rows[0][at] if chance.random() < 0.5 else f"{rows[number][at]}!/"
        slips.add((number + 2, column))
    with pytest.raises(PipelineError) as caught:
        read_gateways(save("slips.csv"))
    named = set()
    for problem in caught.value.problems:
        place = problem.what.split(": ")[1].split(" ")
        named.add((int(place[1]), place[-1]))
    assert named == slips
