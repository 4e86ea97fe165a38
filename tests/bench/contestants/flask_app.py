"""Flask + Flask-Session on Redis, as its README shows it. BENCH_REDIS: path of the Redis socket."""

import os

import flask
import redis
from flask_session import Session

app = flask.Flask(__name__)
app.config.update(
    SESSION_TYPE="redis",
    SESSION_REDIS=redis.Redis(unix_socket_path=os.environ["BENCH_REDIS"]),
    SESSION_COOKIE_NAME="session_id",
    SESSION_KEY_PREFIX="flask:",
)
Session(app)


@app.post("/login")
def log_in() -> dict[str, str]:
    user = flask.request.form["username"]
    flask.session.update(
        user=user, address="23 Dumbbell Lane, Gymtown 4872", payment="card ending in 4872", member_number=4872
    )
    return {"user": user}


@app.get("/whoami")
def whoami() -> dict[str, str | None]:
    user = flask.session.get("user")
    return {"served_by": "flask", "wristband": "sess_flas", "logbook": "hit", "user": user, "message": None}
