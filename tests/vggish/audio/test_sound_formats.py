import re
from pathlib import Path

import pytest

from vggish.audio.sound_formats import SOUND_FORMATS, named_like_sound, starts_like_sound

DOCS = Path(__file__).resolve().parents[3] / "docs" / "audio.md"


def test_the_docs_list_the_formats() -> None:
    table = re.search(r"## Formats\n.*?\n\n(\|.*?)\n\n", DOCS.read_text(), re.DOTALL)
    assert table
    documented = set(re.findall(r"(?<![\w.])\.[a-z0-9]+", table[1]))
    assert documented == {ending for known in SOUND_FORMATS for ending in known.extensions}


@pytest.mark.parametrize("name", ["a.MP2", "x/y.wma", "b.tar.flac"])
def test_extensions_promise_a_sound(name: str) -> None:
    assert named_like_sound(name)
    assert not named_like_sound(name + ".txt")


@pytest.mark.parametrize(
    "head", [b"ID3 is a tag", b"MAC address", b"RIFFraff", "text".encode("utf-16"), b"\xff\xd8\xff"]
)
def test_other_files_are_no_sounds(head: bytes) -> None:
    assert not starts_like_sound(head.ljust(16, b"\0"))
