"""Every carrier of the table gives its secret away, alone, among other lines, in an archive and in a setting."""

from __future__ import annotations

import io
import zipfile

import pytest

from pipeline.classification import find_secrets
from pipeline.classification.secrets import secret_in_property
from pipeline.formats.esf.esf_snapshot import Property
from tests.support.spoilt_images.carriers import CARRIERS, QUOTED, SHAPES, V


def test_the_table_is_long_enough() -> None:
    assert len(CARRIERS) >= 150


@pytest.mark.parametrize("kind", CARRIERS)
def test_nothing_travels_unseen(kind: str) -> None:
    path, text = CARRIERS[kind]
    for content in (text, f"# first\n\n{text}\n\nlast\n"):
        found = find_secrets(path, content.encode())
        assert found, content
        assert V not in repr(found)
        assert V not in "".join(map(str, found))


@pytest.mark.parametrize("kind", CARRIERS)
def test_nothing_travels_unseen_in_an_archive(kind: str) -> None:
    path, text = CARRIERS[kind]
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(f"config/{path}", text)
    assert find_secrets("a.dp", target.getvalue())


@pytest.mark.parametrize("kind", [*QUOTED, *SHAPES])
def test_nothing_travels_unseen_in_a_setting(kind: str) -> None:
    path, text = CARRIERS[kind]
    if path.endswith((".java", ".py", ".js")) and kind not in SHAPES:
        pytest.skip("source code is no setting's value")
    assert secret_in_property("com.acme.App", Property("config", "String", (text,))), text


@pytest.mark.parametrize(
    "words",
    [("/app", "--db-password", V), ("DB_PASSWORD=" + V,), ("curl", "-u", f"robot:{V}"), ("mqtt=" + V + "|amq",)],
)
def test_a_command_s_words_may_be_the_elements_of_an_array(words: tuple[str, ...]) -> None:
    assert secret_in_property("com.acme.App", Property("container.entrypoint", "String", words, array=True))
