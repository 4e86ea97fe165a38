// A server on node's http: each whole request is a line of JSON on stdout. The first line is the port.
"use strict";
const http = require("node:http");
const server = http.createServer({ maxHeaderSize: 65536 }, (request, response) => {
  const content = [];
  request.on("data", (data) => content.push(data));
  request.on("end", () => {
    const body = Buffer.concat(content).toString("latin1");
    process.stdout.write(JSON.stringify([request.method, request.url, body]) + "\n");
    response.end("ok");
  });
});
server.keepAliveTimeout = 0;
server.listen(0, "127.0.0.1", () => process.stdout.write(`${server.address().port}\n`));
