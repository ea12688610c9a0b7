"""Python `websockets` as the server for `adieu connect`."""

import asyncio
import pathlib
import socket as sockets
import struct
import sys
import unittest

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosedError
from websockets.frames import Close

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from deadline import DeadlineTestCase  # noqa: E402
from program import Program, binary  # noqa: E402


class Case(DeadlineTestCase):
    """A server in this process, and `adieu connect` beside it."""

    async def asyncSetUp(self):
        self.connected = asyncio.get_running_loop().create_future()
        self.release = asyncio.Event()

    async def handle(self, socket):
        """Hands the connection to the test and holds it until the test is done."""
        self.connected.set_result(socket)
        await self.release.wait()

    async def start(self, *options, path="/", **server_options):
        """A server, and the program that is told to connect to it."""
        server = await self.enterAsyncContext(serve(self.handle, "127.0.0.1", 0, **server_options))
        self.addCleanup(self.release.set)
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}{path}"
        return self.watch(Program(binary("adieu"), "connect", url, *options, stdin=True))

    async def connect(self, *options, **more):
        program = await self.start(*options, **more)
        return program, await self.connected

    async def status(self, program):
        return await asyncio.to_thread(program.exit_status)

    async def shown(self, program):
        """The next line about something received."""
        return await asyncio.to_thread(program.out.find, lambda line: line.startswith("< "))

    def verdict(self, program, *parts):
        for part in parts:
            self.assertIn(part, program.err.text())


class Messages(Case):
    async def test_lines_are_messages(self):
        program, socket = await self.connect()
        program.say("Grüße")
        program.say("zwei")
        self.assertEqual(await socket.recv(), "Grüße")
        self.assertEqual(await socket.recv(), "zwei")

    async def test_two_slashes_send_one(self):
        program, socket = await self.connect()
        program.say("//close is a word")
        self.assertEqual(await socket.recv(), "/close is a word")

    async def test_text_is_shown(self):
        program, socket = await self.connect()
        await socket.send("Grüße, 世界")
        self.assertEqual(await self.shown(program), "< Grüße, 世界")

    async def test_control_characters_are_shown_escaped(self):
        program, socket = await self.connect()
        await socket.send("a\x1b[31mb\r\nc\x07")
        line = await self.shown(program)
        self.assertTrue(line.startswith("< a") and line.isprintable(), repr(line))

    async def test_binary_is_shown_as_length_and_hex(self):
        program, socket = await self.connect()
        await socket.send(b"\x01\x02\xff")
        line = await self.shown(program)
        self.assertTrue(line.startswith("< 3 bytes: "), line)
        self.assertIn("0102ff", line.lower().replace(" ", ""))

    async def test_ping_of_the_server_is_answered(self):
        _, socket = await self.connect()
        await (await socket.ping())

    async def test_ping_of_the_client_shows_its_time(self):
        program, _ = await self.connect()
        program.say("/ping")
        await asyncio.to_thread(program.err.find, lambda line: line.startswith("pong after "))


class Handshake(Case):
    async def test_headers_subprotocols_and_origin_arrive(self):
        program, socket = await self.connect(
            "--subprotocol", "chat.v2", "--subprotocol", "chat.v1", "--header", "X-Token: a b", "--origin", "https://me.example",
            path="/room?name=a%20b", subprotocols=["chat.v1"],
        )  # fmt: skip
        self.assertEqual(socket.request.path, "/room?name=a%20b")
        self.assertEqual(socket.request.headers["Sec-WebSocket-Protocol"], "chat.v2, chat.v1")
        self.assertEqual(socket.request.headers["X-Token"], "a b")
        self.assertEqual(socket.request.headers["Origin"], "https://me.example")
        self.assertEqual(socket.subprotocol, "chat.v1")
        program.say("x")
        self.assertEqual(await socket.recv(), "x")

    async def test_refusal_is_told_with_its_status(self):
        program = await self.start(process_request=lambda socket, _: socket.respond(403, "no\n"))
        self.assertEqual(await self.status(program), 1)
        self.verdict(program, "403")

    async def test_nobody_listening_is_one_clear_line(self):
        with sockets.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            with Program(binary("adieu"), "connect", f"ws://127.0.0.1:{unused.getsockname()[1]}/") as program:
                self.assertEqual(await self.status(program), 1)
                self.assertRegex(program.err.text(), r"\Aadieu: .+\Z")
                self.assertEqual(program.out.text(), "")

    async def test_bad_url_is_a_usage_error(self):
        for url in ("http://127.0.0.1/", "ws://", "nonsense"):
            with Program(binary("adieu"), "connect", url) as program:
                self.assertEqual(await self.status(program), 2, url)
                self.assertNotEqual(program.err.text(), "")


class Ends(Case):
    async def test_client_closes_with_code_and_reason(self):
        program, socket = await self.connect()
        program.say("/close 4001 good bye")
        await socket.wait_closed()
        self.assertEqual(socket.protocol.close_rcvd, Close(4001, "good bye"))
        self.assertIs(socket.protocol.close_rcvd_then_sent, True)
        self.assertEqual(await self.status(program), 0)
        self.verdict(program, "clean: closing handshake complete", "we closed first", "4001", "good bye")

    async def test_close_without_a_code_sends_none(self):
        program, socket = await self.connect()
        program.say("/close")
        await socket.wait_closed()
        self.assertEqual(socket.close_code, 1005)
        self.assertEqual(await self.status(program), 0)

    async def test_bad_code_is_refused_and_survived(self):
        program, socket = await self.connect()
        program.say("/close 1005")
        program.say("still here")
        self.assertEqual(await socket.recv(), "still here")
        await asyncio.to_thread(program.err.find, lambda line: line.startswith("adieu: ") and "1005" in line)

    async def test_quit_closes_with_1000(self):
        program, socket = await self.connect()
        program.say("/quit")
        await socket.wait_closed()
        self.assertEqual(socket.protocol.close_rcvd.code, 1000)
        self.assertEqual(await self.status(program), 0)

    async def test_end_of_input_closes_with_1000_after_all_lines(self):
        program, socket = await self.connect()
        for number in range(100):
            program.say(str(number))
        program.hang_up()
        self.assertEqual([message async for message in socket], [str(number) for number in range(100)])
        self.assertEqual(socket.protocol.close_rcvd.code, 1000)
        self.assertEqual(await self.status(program), 0)

    async def test_server_closes_with_code_and_reason(self):
        program, socket = await self.connect()
        await socket.close(4002, "seen\x1b[31m enough")
        self.assertEqual(socket.protocol.close_rcvd, Close(4002, "seen\x1b[31m enough"))
        self.assertEqual(await self.status(program), 0)
        self.verdict(program, "clean: closing handshake complete", "the peer closed first", "4002", "enough")
        self.assertNotIn("\x1b", program.err.text() + program.out.text())

    async def test_messages_before_the_close_are_shown(self):
        program, socket = await self.connect()
        for number in range(10):
            await socket.send(str(number))
        await socket.close(1000)
        self.assertEqual(await self.status(program), 0)
        lines = [line for line in program.out.seen if line.startswith("< ")]
        self.assertEqual(lines, [f"< {number}" for number in range(10)])

    async def test_reset_is_not_clean(self):
        program, socket = await self.connect()
        linger_none = struct.pack("ii", 1, 0)
        socket.transport.get_extra_info("socket").setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, linger_none)
        socket.transport.abort()
        self.assertEqual(await self.status(program), 1)
        self.verdict(program, "not clean: connection reset")

    async def test_end_of_stream_is_not_clean(self):
        program, socket = await self.connect()
        socket.transport.write_eof()
        self.assertEqual(await self.status(program), 1)
        self.verdict(program, "not clean: end of stream")

    async def test_violation_of_the_server_is_not_clean(self):
        program, socket = await self.connect()
        socket.transport.write(b"\x83\x00")
        with self.assertRaises(ConnectionClosedError) as end:
            await socket.recv()
        self.assertEqual(end.exception.rcvd.code, 1002)
        self.assertEqual(await self.status(program), 1)
        self.verdict(program, "not clean: protocol violation")


if __name__ == "__main__":
    unittest.main()
