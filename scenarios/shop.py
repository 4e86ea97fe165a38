"""What users know of the shop before they enter it. Pure, and light: locust's users read it, too."""

MEMBERS = ("ravi", *(f"user{n:02d}" for n in range(1, 60)))
"""The names of the shop's members: user K plays MEMBERS[K]."""

ITEMS = ("towel", "bottle", "gloves", "rope")
"""Things every shop of the lab sells (servers/catalogue.py has more)."""


def credentials(name: str) -> dict[str, str]:
    """The login form, filled in by this member."""
    return {"username": name, "password": f"wristband-{name}"}
