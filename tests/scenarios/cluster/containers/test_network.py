"""Who gets which address on a lab's network of containers."""

from typing import Any
from unittest.mock import Mock

import pytest

from scenarios.cluster.containers.network import EngineNetwork
from scenarios.errors import LabError


def test_an_address_that_was_given_back_waits_until_all_others_have_had_their_turn() -> None:
    nothing: Any = Mock()
    network = EngineNetwork(nothing, nothing, "10.9.0.0/29")
    first, second = network.take(), network.take()
    assert (first, second) == ("10.9.0.2", "10.9.0.3"), "the first is the gateway's"
    network.give_back(second)
    network.give_back(first)
    assert [network.take() for _ in range(5)] == ["10.9.0.4", "10.9.0.5", "10.9.0.6", second, first]
    with pytest.raises(LabError, match="no room for one more container: have fewer servers"):
        network.take()
