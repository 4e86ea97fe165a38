// A node server that counts what it does: node kept_by_node.js KEEP_ALIVE_TIMEOUT [says]
// It answers each request with its path, tells at /processed how often it has done each, and is busy now and then.
// Without `says` its answers keep their timeout to themselves, so that whoever asks has to find out.

const http = require("http");

const BUSY = 20; // ms
const processed = {};

const server = http.createServer((request, response) => {
  request.resume();
  request.on("end", () => {
    if (process.argv[3] !== "says") response.setHeader("Connection", "keep-alive");
    if (request.url === "/processed") return response.end(JSON.stringify(processed));
    processed[request.url] = (processed[request.url] || 0) + 1;
    response.setHeader("Content-Length", request.url.length);
    response.end(request.url);
  });
});
server.keepAliveTimeout = 1000 * Number(process.argv[2]);
server.listen({ port: 0, host: "127.0.0.1", backlog: 1024 }, () => console.log(server.address().port));

setInterval(() => {
  const until = Date.now() + BUSY;
  while (Date.now() < until);
}, 6 * BUSY);
