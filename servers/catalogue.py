"""What the shop sells, and what a cart of it costs. Prices in cents."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Item(NamedTuple):
    id: str
    name: str
    price: int


CATALOGUE: dict[str, Item] = {
    item.id: item
    for item in (
        Item("towel", "Towel with the club's crest", 1490),
        Item("bottle", "Steel bottle, 0.75 l", 1950),
        Item("gloves", "Lifting gloves", 2490),
        Item("rope", "Skipping rope", 990),
        Item("mat", "Yoga mat", 3490),
        Item("band", "Resistance band", 1290),
        Item("kettlebell", "Kettlebell, 12 kg", 3990),
        Item("dumbbell", "Dumbbell, 5 kg", 2190),
        Item("chalk", "Chalk, four blocks", 690),
        Item("bag", "Gym bag", 4990),
    )
}
MOST = 99  # of one item


def lines(cart: Mapping[str, int]) -> list[dict[str, Any]]:
    """A cart (item -> quantity) as it is shown; what the shop no longer sells is left out."""
    return [
        {"item": item.id, "name": item.name, "quantity": quantity, "price": item.price}
        for id, quantity in cart.items()
        if (item := CATALOGUE.get(id))
    ]


def total(shown: list[dict[str, Any]]) -> int:
    return sum(line["quantity"] * line["price"] for line in shown)
