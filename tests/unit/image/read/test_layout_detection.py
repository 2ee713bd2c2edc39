"""Which product and release an image has: found out from what it says and from what lies in it, or refused."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from pipeline.errors import PipelineError
from pipeline.image.read.layout_detection import candidates, detect, fits
from pipeline.inputs.layout_files import choose_layouts, load_layouts
from pipeline.model.guest_path import GuestPath
from pipeline.model.tree import Kind, Node, Tree

ESF, KURA = "/opt/eurotech/esf", "/opt/eclipse/kura"
LAYOUTS = load_layouts()
OLD = ("kura", "data")
MIDDLE = ("framework", "user", "data")
# packages/ is not among them: the framework makes it at its first start.
NEW = ("framework", "user", "log4j")
EDISON = "/home/root/eclipse/kura"


def installed(root: str, version: str, directories: tuple[str, ...], stated: str = "") -> dict[str, bytes | str | None]:
    """The installation behind its link: files, links and (None) directories."""
    place = f"{root}_{version}_board"
    config = "kura" if "kura" in directories else "framework"
    return {
        root: place,
        **{f"{place}/{name}": None for name in directories},
        f"{place}/{config}/kura.properties": f"kura.version={stated}\n".encode(),
    }


def image(files: Mapping[str, bytes | str | None]) -> tuple[Tree, Mapping[GuestPath, bytes]]:
    nodes = {GuestPath("/"): Node(Kind.DIRECTORY, 0o755)}
    contents: dict[GuestPath, bytes] = {}
    for name, content in files.items():
        path = GuestPath(name)
        for above in path.ancestors():
            nodes.setdefault(above, Node(Kind.DIRECTORY, 0o755))
        if content is None:
            nodes.setdefault(path, Node(Kind.DIRECTORY, 0o755))
        elif isinstance(content, str):
            nodes[path] = Node(Kind.LINK, 0o777, target=content)
        else:
            nodes[path] = Node(Kind.FILE, 0o644, size=len(content))
            contents[path] = content
    return Tree(nodes), contents


def found(files: Mapping[str, bytes | str | None], layouts: tuple = LAYOUTS) -> tuple[str, str] | None:
    tree, contents = image(files)
    what = detect(tree, layouts, contents.__getitem__)
    return (what.layout.name, what.version) if what is not None else None


@pytest.mark.parametrize(
    ("root", "stated", "directories", "layout", "version"),
    [
        (ESF, "ESF_5.0.0", OLD, "esf-5", "5.0.0"),
        (ESF, "ESF_5.2.0", OLD, "esf-5", "5.2.0"),
        (ESF, "ESF_6.2.1", MIDDLE, "esf-6", "6.2.1"),
        (ESF, "ESF_7.0.1", NEW, "esf-7-0", "7.0.1"),
        (ESF, "ESF_7.2.3", NEW, "esf-7", "7.2.3"),
        (KURA, "KURA_3.0.0", OLD, "kura-3", "3.0.0"),
        (KURA, "KURA_4.1.2", MIDDLE, "kura-4", "4.1.2"),
        (KURA, "KURA_5.0.1", NEW, "kura-5-0", "5.0.1"),
        (KURA, "KURA_5.5.0", NEW, "kura-5", "5.5.0"),
        (KURA, "KURA_5.6.2", NEW, "kura-5", "5.6.2"),
        (EDISON, "KURA_3.0.0", OLD, "kura-3-edison", "3.0.0"),
    ],
)
def test_every_layout_is_found_by_what_the_image_says(
    root: str, stated: str, directories: tuple[str, ...], layout: str, version: str
) -> None:
    assert found(installed(root, version, directories, stated)) == (layout, version)
    # An installation that leaves kura.version empty, as the source does, is told by the name of its directory.
    assert found(installed(root, version, directories)) == (layout, version)
    # The user's choice is asked, too, not believed.
    assert found(installed(root, version, directories, stated), choose_layouts(layout)) == (layout, version)


def test_an_image_without_any() -> None:
    assert found({"/etc/passwd": b""}) is None
    assert found({ESF: ESF}) is None


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (installed(KURA, "5.9.0", NEW), r"Kura 5\.9\.0 in /opt/eclipse/kura, .* kura-5 for Kura 5\.1, 5\.2"),
        (installed(KURA, "5.10.0", NEW), r"Kura 5\.10\.0"),  # not 5.1
        (installed(ESF, "7.0.0", NEW, "ESF_8.0.0"), r"ESF 8\.0\.0 .* esf-7 for ESF 7\.1"),
        (installed(ESF, "5.0.0", NEW), r"ESF 5\.0\.0 .* no layout"),  # the release of one, the directories of another
        (installed(KURA, "5.5.0", ("framework", "user")), r"lacks .*kura/log4j"),
        (installed(KURA, "4.1.2", ("framework", "user")), r"Kura 4\.1\.2, but lacks .* /opt/eclipse/kura/data"),
        (installed(ESF, "board", OLD), r"kura\.version does not state a version"),
        (installed(ESF, "5.0.0", OLD) | installed(KURA, "5.5.0", NEW), r"two installations: /opt/ecl.* and /opt/eur"),
        (installed(ESF, "6.0.0", (*OLD, *MIDDLE)) | {f"{ESF}_6.0.0_board/framework/kura.properties": b""},
         "two installations"),
    ],
)  # fmt: skip
def test_what_is_unknown_or_ambiguous_is_refused(files: Mapping[str, bytes | str | None], message: str) -> None:
    with pytest.raises(PipelineError, match=message):
        found(files)


def test_a_layout_that_was_chosen_must_fit() -> None:
    with pytest.raises(PipelineError, match=r"for which there is no layout; there are: kura-5-0 for Kura 5\.0\b"):
        found(installed(KURA, "5.5.0", NEW), choose_layouts("kura-5-0"))
    both = installed(ESF, "5.0.0", OLD) | installed(KURA, "5.5.0", NEW)
    assert found(both, choose_layouts("kura-5")) == ("kura-5", "5.5.0")


def test_one_installation_under_both_names_says_which_it_is() -> None:
    files = installed(ESF, "5.0.0", OLD, "ESF_5.0.0") | {KURA: ESF}
    assert found(files) == ("esf-5", "5.0.0")


def test_candidates_need_no_version() -> None:
    tree, _ = image(installed(KURA, "9.9.9", NEW))
    assert [layout.name for layout in candidates(tree, LAYOUTS)] == ["kura-4", "kura-5", "kura-5-0", "kura-6"]


def test_prefixes_end_at_dots() -> None:
    layout = choose_layouts("kura-5")[0]
    assert fits("5.1", layout)
    assert fits("5.1.2", layout)
    assert not fits("5.10.0", layout)
    assert not fits("5", layout)


def test_releases_belong_to_one_layout_each() -> None:
    for product in ("ESF", "Kura"):
        versions = [
            (layout.root, version) for layout in LAYOUTS if layout.product == product for version in layout.versions
        ]
        assert len(versions) == len(set(versions))


@pytest.mark.parametrize(
    ("said", "custom", "bundle", "truth"),
    [
        ("true", "", "", "snapshot"),
        ("false", "", "", "none"),
        (" False ", "", "", "none"),
        ("", "", "", "snapshot"),
        ("true", "false", "", "none"),
        ("false", "true", "", "snapshot"),
        ("false", "", "plugins/4s/org.eclipse.kura.nm_1.8.0.jar", "snapshot"),  # the word hides a menu, no more
        ("false", "", "plugins/org.eclipse.kura.net.admin_1.0.0.jar", "snapshot"),
        ("false", "", "plugins/org.eclipse.kura.net.admin.firewall-2.0.0.jar", "snapshot"),
        ("false", "", "plugins/org.eclipse.kura.core.net_1.0.0.jar", "none"),
    ],
)
def test_an_installation_without_network_administration_is_known(
    said: str, custom: str, bundle: str, truth: str
) -> None:
    files = installed(KURA, "5.6.0", NEW, "KURA_5.6.0")
    place = f"{KURA}_5.6.0_board"
    if said:
        files[f"{place}/framework/kura.properties"] = f"kura.version=KURA_5.6.0\nkura.have.net.admin={said}\n".encode()
    if custom:
        files[f"{place}/user/kura_custom.properties"] = f"kura.have.net.admin={custom}\n".encode()
    if bundle:
        files[f"{place}/{bundle}"] = b""
    tree, contents = image(files)
    what = detect(tree, LAYOUTS, contents.__getitem__)
    assert what is not None
    assert what.layout.network_truth == truth
    assert what.layout.administers_network == (truth != "none")


def test_a_newer_release_is_refused_with_what_is_to_be_looked_at() -> None:
    tree, contents = image(installed(KURA, "9.1.0", NEW, "KURA_9.1.0"))
    with pytest.raises(PipelineError, match=r"Kura 9\.1\.0.* there are: .*kura-5 for") as refused:
        detect(tree, LAYOUTS, contents.__getitem__)
    assert "look whether snapshots, keystores, packages, start scripts" in refused.value.problems[0].remedy
