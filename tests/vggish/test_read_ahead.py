"""Items that are made ahead."""

import pytest

from vggish.read_ahead import read_ahead


def test_reading_ahead_keeps_order_and_errors() -> None:
    def broken():
        yield from range(5)
        raise OSError("the disk failed")

    seen = []
    with pytest.raises(OSError, match="the disk failed"):
        for item in read_ahead(broken()):
            seen.append(item)
    assert seen == [0, 1, 2, 3, 4]
