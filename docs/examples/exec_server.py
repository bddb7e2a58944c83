#!/usr/bin/env python3
"""A client of exec-server for asyncio: one file, Python 3.9 or newer, no other packages.

    async with Client(["ssh", "-T", "devbox", "exec-server --stdio"]) as client:
        process = await client.start(["make", "test"], cwd="/src/project")
        async for stream, chunk in process.output():
            print(stream, len(chunk))
        print(await process.wait())

As a program it runs one command, with its own stdin, and exits with the exit code:

    exec_server.py SERVER... -- COMMAND...
    exec_server.py exec-server --stdio -- uname -n
"""
from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
import threading
from dataclasses import dataclass
from typing import Any, AsyncIterator, BinaryIO, Mapping, Optional, Sequence
from urllib.parse import unquote, urlparse

# Output of one process that this client holds at most. Beyond it the process blocks, others do not.
WINDOW_BYTES = 1024 * 1024
# Length of a block of a file.
BLOCK_BYTES = 1024 * 1024
# The policy for the environment of the machine, without variables like *TOKEN*; see docs/environment.md.
MACHINE: Mapping[str, Any] = {}
# Bytes before the first frame, such as the greeting of a login shell, after which there is no server.
MAX_START_UP_BYTES = 1024 * 1024


class RequestError(Exception):
    """The server refused a request. Branch on `kind`; docs/errors.md lists the kinds and their data."""

    def __init__(self, method: str, error: Mapping[str, Any]) -> None:
        super().__init__(error["message"])
        self.method = method
        self.code: int = error["code"]
        self.data: Mapping[str, Any] = error.get("data") or {}
        self.kind: Optional[str] = self.data.get("kind")


class ConnectionLost(Exception):
    """The connection could not be opened, or has ended. The processes that were started over it have ended as well."""


@dataclass(frozen=True)
class Exit:
    """The end of a process."""

    code: int  # 128 + n after signal n
    signal: Optional[str]
    reason: str  # exited, signaled, timeout or terminated


@dataclass(frozen=True)
class Metadata:
    """The metadata of a path, of its target if it is a link."""

    is_file: bool
    is_directory: bool
    is_symlink: bool
    size: int
    modified_at_ms: int
    mode: Optional[int]


class Client:
    """A connection to a server, which is started by a command line. Use it with `async with`."""

    def __init__(self, argv: Sequence[str], name: str = "exec_server.py") -> None:
        self._argv = argv
        self._name = name
        self._next_id = 1
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._processes: dict[str, Process] = {}
        self._ended = False
        # The description of the machine, see `EnvironmentInfo` in docs/methods.md.
        self.info: Mapping[str, Any] = {}

    async def __aenter__(self) -> Client:
        pipe = asyncio.subprocess.PIPE
        try:
            self._server = await asyncio.create_subprocess_exec(
                *self._argv, stdin=pipe, stdout=pipe, limit=MAX_START_UP_BYTES
            )
        except OSError as error:
            raise ConnectionLost(f"could not start {self._argv[0]}: {error.strerror}") from error
        assert self._server.stdin is not None and self._server.stdout is not None
        self._input, self._output = self._server.stdin, self._server.stdout
        self._reading = asyncio.create_task(self._read())
        try:
            params = {"clientName": self._name, "outputWindowBytes": WINDOW_BYTES}
            self.info = (await self.request("initialize", params))["environmentInfo"]
            await self._send({"method": "initialized"})
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends the connection and everything that was started over it. Idempotent."""
        self._input.close()
        # The last messages of processes are still to come.
        await self._reading
        await self._server.wait()

    async def request(self, method: str, params: Mapping[str, Any]) -> Any:
        """Sends any request and returns its result.

        Raises RequestError or ConnectionLost.
        """
        if self._ended:
            raise ConnectionLost("the connection has ended")
        request_id, self._next_id = self._next_id, self._next_id + 1
        answer = self._answers[request_id] = asyncio.get_running_loop().create_future()
        try:
            await self._send({"id": request_id, "method": method, "params": params})
            message = await answer
        finally:
            self._answers.pop(request_id, None)
        if "error" in message:
            raise RequestError(method, message["error"])
        return message["result"]

    async def start(
        self,
        argv: Sequence[str],
        *,
        cwd: Optional[str] = None,
        env: Optional[Mapping[str, Optional[str]]] = None,
        policy: Optional[Mapping[str, Any]] = MACHINE,
        stdin: bool = False,
        terminal: Optional[tuple[int, int]] = None,
        timeout: Optional[float] = None,
    ) -> Process:
        """Starts a process.

        cwd: a path of the server; by default its home directory
        env: variables to set; None removes one
        policy: the rules for the environment of the machine; with None, `env` is all that the process gets
        stdin: True to write to its stdin
        terminal: columns and rows to start it on a terminal
        timeout: seconds after which it is terminated
        """
        process = Process(self, str(self._next_id))
        # Output may arrive before the answer.
        self._processes[process.id] = process
        params = {
            "processId": process.id,
            "argv": list(argv),
            "cwd": cwd or self.info.get("userHomeDir") or "/",
            "env": dict(env or {}),
            "envPolicy": policy,
            "pipeStdin": stdin,
            "timeoutMs": None if timeout is None else round(timeout * 1000),
        }
        if terminal is not None:
            params.update(tty=True, size={"columns": terminal[0], "rows": terminal[1]})
        try:
            process.pid = (await self.request("process/start", params))["pid"]
        except BaseException:
            self._processes.pop(process.id, None)
            raise
        return process

    async def read_file(self, path: str) -> bytes:
        """Reads a whole file; one of more than 48 MiB is refused with the kind `limitExceeded`."""
        return base64.b64decode((await self.request("fs/readFile", {"path": path}))["dataBase64"])

    async def write_file(self, path: str, data: bytes, *, atomic: bool = False) -> None:
        """Writes a whole file. `atomic` replaces it when the new contents are complete."""
        await self.request("fs/writeFile", {"path": path, "dataBase64": encode(data), "atomic": atomic})

    async def download(self, path: str, file: BinaryIO) -> None:
        """Copies a file of any length from the server."""
        handle = await self._open(path, "read")
        try:
            offset, end = 0, False
            while not end:
                params = {"handleId": handle, "offset": offset, "len": BLOCK_BYTES}
                block = await self.request("fs/readBlock", params)
                chunk, end = base64.b64decode(block["chunk"]), block["eof"]
                file.write(chunk)
                offset += len(chunk)
        finally:
            await self.request("fs/close", {"handleId": handle})

    async def upload(self, file: BinaryIO, path: str) -> None:
        """Copies a file of any length to the server. The file there is replaced when the copy is complete."""
        handle = await self._open(path, "replace", atomic=True)
        offset, complete = 0, False
        try:
            while chunk := file.read(BLOCK_BYTES):
                params = {"handleId": handle, "offset": offset, "chunk": encode(chunk)}
                await self.request("fs/writeBlock", params)
                offset += len(chunk)
            complete = True
        finally:
            closing = {"expectSize": offset} if complete else {"discard": True}
            await self.request("fs/close", {"handleId": handle, **closing})

    async def metadata(self, path: str) -> Metadata:
        """Returns the metadata of a path; a missing one is a RequestError with the kind `fileNotFound`."""
        found = await self.request("fs/getMetadata", {"path": path})
        return Metadata(
            is_file=found["isFile"],
            is_directory=found["isDirectory"],
            is_symlink=found["isSymlink"],
            size=found["size"],
            modified_at_ms=found["modifiedAtMs"],
            mode=found.get("mode"),
        )

    async def list_directory(self, path: str) -> list[str]:
        """Returns the names in a directory."""
        return [entry["fileName"] for entry in (await self.request("fs/readDirectory", {"path": path}))["entries"]]

    async def make_directory(self, path: str) -> None:
        """Creates a directory, and missing parents."""
        await self.request("fs/createDirectory", {"path": path})

    async def remove(self, path: str, *, recursive: bool = False) -> None:
        """Removes a file; with `recursive`, a directory with everything in it."""
        await self.request("fs/remove", {"path": path, "recursive": recursive, "force": False})

    async def _open(self, path: str, mode: str, *, atomic: bool = False) -> str:
        handle = str(self._next_id)
        await self.request("fs/open", {"handleId": handle, "path": path, "mode": mode, "atomic": atomic})
        return handle

    async def _send(self, message: Mapping[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._input.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        try:
            await self._input.drain()
        except OSError:
            pass  # The server has ended, which the reader reports.

    async def _read(self) -> None:
        """Handles all messages, and the end of the connection."""
        reason = "the server closed the connection"
        try:
            await self._skip_start_up_output()
            while (length := await self._read_header()) is not None:
                self._handle(json.loads(await self._output.readexactly(length)))
        except (asyncio.IncompleteReadError, OSError, ValueError) as error:
            reason = f"the connection failed: {error}"
        self._ended = True
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(ConnectionLost(reason))
        for process in self._processes.values():
            process._lost(ConnectionLost(reason))

    async def _skip_start_up_output(self) -> None:
        """Shows what came before the first frame, such as the greeting of a login shell."""
        skipped = 0
        while (line := await self._output.readline()) and not line.lower().startswith(b"content-length:"):
            sys.stderr.buffer.write(line)
            skipped += len(line)
            if skipped > MAX_START_UP_BYTES:
                raise ValueError(f"no server in the first {skipped} bytes")
        self._first_line = line

    async def _read_header(self) -> Optional[int]:
        """Reads a header and returns the length of the body, or None at the end of the connection."""
        length = None
        line, self._first_line = self._first_line or await self._output.readline(), b""
        while line not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
            line = await self._output.readline()
        return length

    def _handle(self, message: Mapping[str, Any]) -> None:
        if "method" in message:
            params = message["params"]
            process = self._processes.get(params.get("processId"))
            if process is not None:
                process._handle(message["method"], params)
            if message["method"] == "process/closed":
                self._processes.pop(params["processId"], None)
            return
        answer = self._answers.get(message["id"])
        if answer is not None and not answer.done():
            answer.set_result(message)


class Process:
    """A process on the server."""

    def __init__(self, client: Client, process_id: str) -> None:
        self._client = client
        self.id = process_id
        self.pid = 0  # its process id on the server
        # At most WINDOW_BYTES of output; None at the end.
        self._queue: asyncio.Queue[Optional[tuple[int, str, bytes]]] = asyncio.Queue()
        self._taken_bytes = 0
        self._exit: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        # It may be that the exit is not waited for.
        self._exit.add_done_callback(lambda exit: exit.exception())
        self._failure: Optional[ConnectionLost] = None

    async def output(self) -> AsyncIterator[tuple[str, bytes]]:
        """Yields the output as it arrives: the stream (`stdout`, `stderr`, on a terminal `pty`) and the bytes.

        Raises ConnectionLost if the connection ends before the output does.
        """
        while (item := await self._queue.get()) is not None:
            seq, stream, chunk = item
            yield stream, chunk
            self._taken_bytes += len(chunk)
            if self._taken_bytes >= WINDOW_BYTES // 4:
                self._taken_bytes = 0
                await self._request("process/acknowledge", {"seq": seq})
        self._queue.put_nowait(None)
        if self._failure is not None:
            raise self._failure

    async def wait(self) -> Exit:
        """Waits until the process has exited. A process that writes more than the window must be read, too."""
        return await asyncio.shield(self._exit)

    async def communicate(self, data: bytes = b"") -> tuple[Exit, bytes, bytes]:
        """Writes to stdin (if it was started with `stdin`) and closes it, reads all output, and waits for the exit."""
        streams = {"stdout": bytearray(), "stderr": bytearray(), "pty": bytearray()}

        async def read() -> None:
            async for stream, chunk in self.output():
                streams[stream] += chunk

        reading = asyncio.create_task(read())
        for start in range(0, len(data), BLOCK_BYTES):
            await self.write(data[start : start + BLOCK_BYTES])
        await self.close_stdin()
        await reading
        return await self.wait(), bytes(streams["stdout"] or streams["pty"]), bytes(streams["stderr"])

    async def write(self, data: bytes) -> bool:
        """Queues bytes for its stdin; waits while much is queued. False if it has no stdin any more."""
        return bool((await self._request("process/write", {"chunk": encode(data)}))["status"] == "accepted")

    async def close_stdin(self) -> None:
        """Ends its stdin after what was written."""
        await self._request("process/closeStdin", {})

    async def signal(self, name: str) -> None:
        """Sends a signal such as `SIGINT` to its process group."""
        await self._request("process/signal", {"signal": name})

    async def terminate(self) -> None:
        """Ends it: SIGTERM, and SIGKILL two seconds later. `wait` returns its exit."""
        await self._request("process/terminate", {})

    async def resize(self, columns: int, rows: int) -> None:
        """Changes the size of its terminal."""
        await self._request("process/resize", {"size": {"columns": columns, "rows": rows}})

    async def _request(self, method: str, params: Mapping[str, Any]) -> Any:
        return await self._client.request(method, {"processId": self.id, **params})

    def _handle(self, method: str, params: Mapping[str, Any]) -> None:
        if method == "process/output":
            chunk = base64.b64decode(params["chunk"])
            self._queue.put_nowait((params["seq"], params["stream"], chunk))
        elif method == "process/exited" and not self._exit.done():
            self._exit.set_result(Exit(params["exitCode"], params.get("signal"), params["reason"]))
        elif method == "process/closed":
            self._queue.put_nowait(None)

    def _lost(self, failure: ConnectionLost) -> None:
        self._failure = failure
        self._queue.put_nowait(None)
        if not self._exit.done():
            self._exit.set_exception(failure)


def encode(data: bytes) -> str:
    return base64.b64encode(data).decode()


def path_of(uri: str) -> str:
    """Returns the path of a `file:` URI of a Unix server."""
    return os.fsdecode(unquote(urlparse(uri).path, errors="surrogateescape"))


async def run(server: Sequence[str], command: Sequence[str]) -> int:
    async with Client(server) as client:
        process = await client.start(command, cwd=client.info.get("cwd"), stdin=True)
        loop = asyncio.get_running_loop()
        threading.Thread(target=forward_stdin, args=(process, loop), daemon=True).start()
        async for stream, chunk in process.output():
            target = sys.stderr if stream == "stderr" else sys.stdout
            target.buffer.write(chunk)
            target.buffer.flush()
        return (await process.wait()).code


def forward_stdin(process: Process, loop: asyncio.AbstractEventLoop) -> None:
    """Copies this program's stdin, in a thread of its own since reading blocks."""
    try:
        while chunk := os.read(0, 65536):
            if not asyncio.run_coroutine_threadsafe(process.write(chunk), loop).result():
                return
        asyncio.run_coroutine_threadsafe(process.close_stdin(), loop).result()
    except (ConnectionLost, RequestError, RuntimeError):
        pass  # The process has ended.


def main() -> int:
    if "--" not in sys.argv:
        print(__doc__, file=sys.stderr)
        return 2
    split = sys.argv.index("--")
    try:
        return asyncio.run(run(sys.argv[1:split], sys.argv[split + 1 :]))
    except (RequestError, ConnectionLost) as error:
        print(error, file=sys.stderr)
        return 255


if __name__ == "__main__":
    sys.exit(main())
