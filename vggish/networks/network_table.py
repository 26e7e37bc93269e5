"""The networks to choose from; a further one is one row here, and its module."""

from vggish.errors import VggishError
from vggish.networks.network import Network
from vggish.networks.vggish_network import VGGISH
from vggish.networks.yamnet_network import YAMNET
from vggish.suggestions import suggest

NETWORKS: dict[str, Network] = {network.name: network for network in (VGGISH, YAMNET)}
"""Every network by its name."""


def find_network(name: str) -> Network:
    """Finds a network by name.

    Args:
        name: One of `NETWORKS`.

    Returns:
        The network.

    Raises:
        VggishError: The network does not exist; the message suggests one.
    """
    if name in NETWORKS:
        return NETWORKS[name]
    raise VggishError(f"There is no network {name!r}; {suggest(name, NETWORKS)}")
