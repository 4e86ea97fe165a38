// Node's own HTTP parser (llhttp, lenient flags off) as a reader of byte streams.
//
// stdin: streams, each after its length (4 bytes, big-endian). stdout: for each a line of JSON,
// {requests: [[method, target, host, body in base64], ...], end: "all" | "waits" | "refused" | "last", why}.
"use strict";
const { HTTPParser, allMethods, methods } = process.binding("http_parser");
const names = allMethods ?? methods;
const MAX_HEAD = 64 * 1024;

function read(stream) {
  const reading = { requests: [], end: "all", why: "" };
  const parser = new HTTPParser();
  let fields = [], url = "", begun = false, request, content = [];
  parser.initialize(HTTPParser.REQUEST, {}, MAX_HEAD, HTTPParser.kLenientNone);
  parser[HTTPParser.kOnMessageBegin] = () => { begun = true; };
  parser[HTTPParser.kOnHeaders] = (some, target) => { fields.push(...some); url += target; };
  parser[HTTPParser.kOnHeadersComplete] = (major, minor, rest, method, target) => {
    fields.push(...(rest ?? []));
    const at = fields.findIndex((text, n) => n % 2 === 0 && text.toLowerCase() === "host");
    request = [names[method], url + (target ?? ""), at < 0 ? "" : fields[at + 1]];
    fields = []; url = ""; content = [];
    return 0;
  };
  parser[HTTPParser.kOnBody] = (data) => { content.push(Buffer.from(data)); };
  parser[HTTPParser.kOnMessageComplete] = () => {
    reading.requests.push([...request, Buffer.concat(content).toString("base64")]);
    begun = false;
  };
  for (let at = 0; at < stream.length;) {
    const done = parser.execute(stream.subarray(at));
    if (typeof done !== "number") {
      reading.end = done.code === "HPE_CLOSED_CONNECTION" ? "last" : "refused";
      reading.why = `${done.code} ${done.reason}`;
      break;
    }
    at += done; // less than everything after an upgrade: what follows is read as nothing special
    if (done === 0) { reading.end = "last"; break; } // a tunnel (CONNECT): no request follows
  }
  if (reading.end === "all" && begun) reading.end = "waits";
  parser.close();
  return reading;
}

let input = Buffer.alloc(0);
process.stdin.on("data", (data) => {
  input = Buffer.concat([input, data]);
  const lines = [];
  while (input.length >= 4 && input.length >= 4 + input.readUInt32BE(0)) {
    const end = 4 + input.readUInt32BE(0);
    lines.push(JSON.stringify(read(input.subarray(4, end))));
    input = input.subarray(end);
  }
  if (lines.length) process.stdout.write(lines.join("\n") + "\n");
});
