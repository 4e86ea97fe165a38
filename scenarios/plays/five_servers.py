"""Log in on server 1, click "View order", land on server 3: the question of the story, message by message."""

from scenarios import checks, theory
from scenarios.felt import Answer
from scenarios.stage import Lab

START = {"servers": 5, "store": "memory", "policy": "round_robin"}

MESSAGES = """Ravi logs in, on server 1 of a fresh lab, and somebody else's click takes the next server.
Ravi clicks "View order": that is the turn of a third one, which has never heard of his wristband."""

MANY_CLICKS = """The same shop with many people clicking, each request dealt out to the next of five servers.
One logbook in five knows your wristband, so four clicks in five are answered as if to a stranger."""


async def play(lab: Lab) -> None:
    await lab.arrange(servers=5, store="memory", policy="round_robin")
    await message_by_message(lab)
    async with lab.act("many-clicks", MANY_CLICKS, theory.keep_law(5)) as act:
        lab.patience(theory.tries_until_known(5))
        await act.shop(1000)


async def message_by_message(lab: Lab) -> None:
    async with lab.act("messages", MESSAGES, theory.keep_law(5)) as act:
        ravi, other = (lab.crowd.visitor(name, act.felt) for name in ("ravi", "user01"))
        async with act.counted():
            login = await ravi.ask("POST", "/login", {"username": "ravi", "password": "wristband-ravi"})
            click = await other.ask("GET", "/")
            order = await ravi.ask("GET", "/orders")
        act.note(told("ravi", "POST /login", login))
        act.note(told("user01", "GET /", click))
        act.note(told("ravi", "GET /orders", order))
        act.judge(
            checks.some("logged in", login.user == "ravi"),
            checks.some("another server for 'view order'", order.via != login.via),
            checks.some("and it answered as if to a stranger", order.strange),
        )


def told(who: str, asked: str, answer: Answer) -> str:
    """One exchange in a line: what the browser sent, which server answered, what its logbook said."""
    shown = f"Cookie: session_id={short(answer.sent)}" if answer.sent else "no cookie"
    given = f", Set-Cookie: session_id={short(answer.kept)}" if answer.kept != answer.sent else ""
    page = answer.page
    words = f'"{page["message"]}"' if page.get("message") else f"user: {answer.user or 'nobody'}"
    return f"{who}: {asked} ({shown}) -> {answer.via}: {answer.status}{given}; logbook: {page.get('logbook')}; {words}"


def short(token: str | None) -> str:
    return f"{token[:13]}..." if token else ""
