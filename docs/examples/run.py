#!/usr/bin/env python3
"""Runs a command through exec-server and exits with its exit code.

Usage: run.py SERVER... -- COMMAND...
  run.py exec-server --stdio -- uname -n
  run.py ssh -T devbox 'exec-server --stdio' -- uname -n
"""
import base64
import json
import subprocess
import sys


class Connection:
    """A connection to a server: frames of JSON-RPC on the stdin and stdout of a program."""

    def __init__(self, argv):
        self.server = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.next_id = 1

    def send(self, message):
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.server.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self.server.stdin.flush()

    def request(self, method, params):
        """Sends a request without waiting for its answer; returns its id."""
        request_id, self.next_id = self.next_id, self.next_id + 1
        self.send({"id": request_id, "method": method, "params": params})
        return request_id

    def messages(self):
        """Yields the messages of the server until it closes the connection."""
        while True:
            length = None
            while (line := self.server.stdout.readline()) not in (b"\r\n", b""):
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            if length is None:
                return
            yield json.loads(self.server.stdout.read(length))


def run(server, command):
    connection = Connection(server)
    connection.request("initialize", {"clientName": "run.py"})
    connection.send({"method": "initialized"})
    exit_code = 255
    for message in connection.messages():
        params = message.get("params", {})
        if "error" in message:
            print(message["error"]["message"], file=sys.stderr)
            break
        if "environmentInfo" in message.get("result", {}):
            # The environment of the process is built on the server, from the server's own variables.
            connection.request("process/start", {
                "processId": "1",
                "argv": command,
                "cwd": message["result"]["environmentInfo"]["cwd"],
                "envPolicy": {},
                "env": {"NO_COLOR": "1"},
            })
        elif message.get("method") == "process/output":
            stream = sys.stderr if params["stream"] == "stderr" else sys.stdout
            stream.buffer.write(base64.b64decode(params["chunk"]))
            stream.buffer.flush()
        elif message.get("method") == "process/exited":
            exit_code = params["exitCode"]
        elif message.get("method") == "process/closed":
            break
    connection.server.stdin.close()  # ends the connection and everything that was started over it
    connection.server.wait()
    return exit_code


if __name__ == "__main__":
    if "--" not in sys.argv:
        sys.exit(__doc__)
    split = sys.argv.index("--")
    sys.exit(run(sys.argv[1:split], sys.argv[split + 1:]))
