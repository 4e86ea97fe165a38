// Express + express-session + connect-redis, as their READMEs show them. argv: Redis socket.
import express from "express";
import session from "express-session";
import { RedisStore } from "connect-redis";
import { createClient } from "redis";

const client = createClient({ socket: { path: process.argv[2] } });
await client.connect();
const app = express();
app.use(session({
  store: new RedisStore({ client, prefix: "express:" }),
  name: "session_id", secret: "bench", resave: false, saveUninitialized: false,
}));
app.post("/login", express.urlencoded({ extended: false }), (request, response) => {
  request.session.regenerate(() => {
    Object.assign(request.session, { user: request.body.username, address: "23 Dumbbell Lane, Gymtown 4872",
      payment: "card ending in 4872", member_number: 4872 });
    response.json({ user: request.session.user });
  });
});
app.get("/whoami", (request, response) => {
  response.json({ served_by: "express", wristband: request.sessionID.slice(0, 9), logbook: "hit",
    user: request.session.user ?? null, message: null });
});
const server = app.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
