"""Requests and store calls in, the messages of a sequence diagram out. Pure.

The numbers are those of the eight steps (servers/sessions.py): 1 the browser posts name and password, 2 the server
verifies them, 3 makes a random ID, 4 writes it down, 5 hands it out in a cookie; 6 the browser shows it, 7 the server
looks it up, 8 and answers as to a member.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from scenarios.events import Event

BROWSER, BALANCER, STORE = "browser", "balancer", "store"

Call = dict[str, Any]


@dataclass(frozen=True)
class Message:
    """One arrow, from one lane to another; within one lane: something that is done there."""

    source: str
    target: str
    text: str
    step: int | None = None
    """Which of the eight."""
    bad: bool = False
    """Here somebody is taken for a stranger."""


def story(requests: Iterable[Event], calls: Sequence[Call]) -> list[Message]:
    """The messages in the order in which they were sent. `requests` are events of the balancer's feed, told when a
    request ends; `calls` are what the servers asked of their logbooks. A call belongs to the request that ran on that
    server at that time and carried, or was given, that session ID."""
    names = {call["hash"]: call["id"] for call in calls if "hash" in call}
    messages: list[Message] = []
    for request in sorted(requests, key=began):
        messages += _exchange(request, [call for call in calls if _belongs(call, request)], names)
    return messages


def began(request: Event) -> float:
    return float(request["time"] - request.get("duration", 0.0))


def _belongs(call: Call, request: Event) -> bool:
    return (
        call.get("server") == request["server"]
        and call.get("hash") in (request["sent"], request["received"])
        and began(request) <= call["time"] <= request["time"]
    )


def _exchange(request: Event, calls: Sequence[Call], names: dict[str, str]) -> list[Message]:
    """One request and its answer."""
    sent, given, server = request["sent"], request["received"], request["server"]
    login = request["path"].startswith("/login") and request["method"] == "POST"
    shown = f"Cookie: session_id={names.get(sent, sent)}" if sent else "no cookie"
    who = f"{request['user']}: " if request["user"] else ""
    form = " with the password" if login else ""
    click = f"{who}{request['method']} {request['path']}{form}, {shown}"
    asked = Message(BROWSER, BALANCER, click, 1 if login else 6 if sent else None)
    answered = str(request["status"] or "no answer")
    if server is None:
        return [asked, Message(BALANCER, BROWSER, f"{answered}, from the balancer itself")]
    moved = f"; moved, {request['moved']}" if request.get("moved") else ""
    messages = [asked, Message(BALANCER, server, f"{request['policy']} picks {server}{moved}")]
    if login and given:
        messages.append(Message(server, server, "the password is right", 2))
    for call in calls:
        messages += _look(call, server, created=call["hash"] == given)
    outcome = request["outcome"]
    stranger = outcome in ("unknown", "expired")
    cookie = f", Set-Cookie: session_id={names.get(given, given)}" if given and given != sent else ""
    as_to = ", as to a stranger" if stranger else ", as to a member" if outcome == "hit" else ""
    step = 5 if login and given else 8 if outcome == "hit" and not login else None
    return [*messages, Message(server, BROWSER, f"{answered}{cookie}{as_to}", step, stranger)]


def _look(call: Call, server: str, *, created: bool) -> list[Message]:
    """One call of the store: the question, and the answer where there is one to tell."""
    book = "own logbook" if call["store"] == "memory" else call["store"]
    id, user = call["id"], call.get("user")
    match call["do"]:
        case "find" if call["ended"]:
            found = "yes" if call["found"] else "no"
            return [
                Message(server, STORE, f"{book}: was {id} ended on purpose?"),
                Message(STORE, server, found),
            ]
        case "find":
            answer = f"{id} = {user or 'nobody yet'}" if call["found"] else f"never heard of {id}"
            return [
                Message(server, STORE, f"{book}: who is {id}?", 7),
                Message(STORE, server, answer, None, not call["found"]),
            ]
        case "commit" if call["ended"]:
            return [Message(server, STORE, f"{book}: {id} was ended on purpose")]
        case "commit":
            written = Message(server, STORE, f"{book}: write {id} = {user or 'nobody yet'}", 4 if call["new"] else None)
            return [Message(server, server, f"a random ID: {id}", 3), written] if call["new"] and created else [written]
        case _:
            return [Message(server, STORE, f"{book}: forget {id}")]
