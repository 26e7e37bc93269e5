"""A listing that one step of a run hands to the next: listing millions of files takes a minute.

Only the next step takes it, and only once. So a step that nobody hands a listing, as on Kubeflow
where each has a process of its own, or in a second run, looks at the files itself.
"""

from typing import Literal

from components.audio_example_gen.sources import list_source
from components.audio_example_gen.sources.listing import Listing
from schema.config.source_settings import SourceSettings
from schema.config.split_settings import SplitSettings

Step = Literal["driver", "executor"]

_handed: dict[Step, tuple[SourceSettings, SplitSettings, Listing]] = {}


def hand_on(to: Step, source: SourceSettings, split: SplitSettings, listing: Listing) -> None:
    """Keeps a listing for the next step.

    Args:
        to: The step of AudioExampleGen that may take it.
        source: What was listed.
        split: How its files were assigned to splits.
        listing: The listing.
    """
    _handed.clear()
    _handed[to] = source, split, listing


def take_or_list(step: Step, source: SourceSettings, split: SplitSettings) -> Listing:
    """Takes the listing that was handed to a step, or lists the source.

    Args:
        step: The step that asks.
        source: The source.
        split: The split settings.

    Returns:
        The listing.

    Raises:
        DataSetError: See `list_source`.
    """
    *listed, listing = _handed.pop(step, (None, None, None))
    if listing is not None and listed == [source, split]:
        return listing
    return list_source(source, split)
