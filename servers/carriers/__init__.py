from servers.carriers.base import Carrier
from servers.carriers.cookie import CookieCarrier

__all__ = ["CARRIERS", "Carrier", "CookieCarrier"]

CARRIERS: dict[str, type[Carrier]] = {
    "cookie": CookieCarrier,
}
