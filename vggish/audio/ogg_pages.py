"""The pages of an Ogg file (RFC 3533), which decoders do not miss if they are gone at its end."""

import os
from typing import BinaryIO

_CAPTURE = b"OggS"
_HEADER_BYTES = 27
_FLAGS, _END_OF_STREAM = 5, 4
_SEGMENTS = 26  # Position of the number of segments, whose sizes follow the header.


def has_lost_its_end(stream: BinaryIO) -> bool:
    """Tells whether something else is where the last pages of an Ogg file were.

    So it is after a download that broke off in a file of the full size. A file that was cut off is
    no such file, nor is one with other bytes after the last page of its stream.

    Args:
        stream: The open file, at its first page. It is left anywhere.

    Returns:
        Whether other bytes follow a page that is not the last one of its stream.
    """
    ended = False
    while (head := stream.read(_HEADER_BYTES)).startswith(_CAPTURE) and len(head) == _HEADER_BYTES:
        ended = bool(head[_FLAGS] & _END_OF_STREAM)
        stream.seek(sum(stream.read(head[_SEGMENTS])), os.SEEK_CUR)
    # The header of the last page may be cut in two.
    return not ended and not _CAPTURE.startswith(head[: len(_CAPTURE)])
