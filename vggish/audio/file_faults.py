"""Which errors of opening a file are the file's own; all others are the machine's."""

import errno

ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG})
"""There is no such file."""

FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EISDIR, errno.ENXIO})
"""The file is there, and nobody may read it as a file."""
