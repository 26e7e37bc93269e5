"""Making the next item while the last one is used."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor


def read_ahead[Item](items: Iterable[Item]) -> Iterator[Item]:
    """Yields the same items, each of which is made in a thread while its user has the last one."""
    made = iter(items)
    nothing = object()
    with ThreadPoolExecutor(max_workers=1) as thread:
        waiting = thread.submit(next, made, nothing)
        while (item := waiting.result()) is not nothing:
            waiting = thread.submit(next, made, nothing)
            yield item  # type: ignore[misc]  # Anything but the mark of the end.
