from servers.carriers.base import Carrier
from servers.carriers.cookie import CookieCarrier

CARRIERS: dict[str, type[Carrier]] = {
    "cookie": CookieCarrier,
}
