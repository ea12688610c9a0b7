"""Python `websockets` as the client of `adieu serve`."""

import asyncio
import contextlib
import json
import pathlib
import re
import signal
import sys
import unittest
import urllib.request

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK, InvalidStatus
from websockets.frames import Close

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from deadline import SECONDS, DeadlineTestCase  # noqa: E402
from program import Serve  # noqa: E402


class Case(DeadlineTestCase):
    """One server for all tests of a class."""

    options = ()

    @classmethod
    def setUpClass(cls):
        cls.server = Serve(*cls.options)
        cls.addClassCleanup(cls.server.stop)

    def tearDown(self):
        self.server.check()

    @contextlib.asynccontextmanager
    async def open(self, target, **options):
        options.setdefault("max_size", 1 << 26)
        async with connect(self.server.ws + target, close_timeout=SECONDS, **options) as socket:
            yield socket

    async def ended(self, socket):
        """The exception that tells how the connection ended, once all messages are read."""
        try:
            while True:
                await socket.recv()
        except (ConnectionClosedOK, ConnectionClosedError) as end:
            return end


class Echo(Case):
    async def echo(self, message, expected=None, **options):
        async with self.open("/echo", **options) as socket:
            await socket.send(message)
            self.assertEqual(await socket.recv(), message if expected is None else expected)

    async def test_text_comes_back(self):
        await self.echo("Grüße, 世界 🌍")

    async def test_binary_comes_back(self):
        await self.echo(bytes(range(256)))

    async def test_empty_messages_come_back(self):
        async with self.open("/echo") as socket:
            for message in ("", b""):
                await socket.send(message)
                self.assertEqual(await socket.recv(), message)

    async def test_messages_come_back_in_order(self):
        async with self.open("/echo") as socket:
            for number in range(1000):
                await socket.send(str(number))
            self.assertEqual([await socket.recv() for _ in range(1000)], [str(number) for number in range(1000)])

    async def test_17_mib_come_back(self):
        await self.echo(bytes(17 << 20), ping_interval=None)

    async def test_fragmented_text_comes_back_whole(self):
        await self.echo(["ein", "", "🌍", " aus", " Teilen"], "ein🌍 aus Teilen")

    async def test_fragmented_binary_comes_back_whole(self):
        await self.echo([b"\x00", b"\x01\x02", b""], b"\x00\x01\x02")

    async def test_70000_fragments_come_back_whole(self):
        await self.echo([b"ab"] * 70_000, b"ab" * 70_000, compression=None)

    async def test_no_extension_is_agreed_to(self):
        async with self.open("/echo", compression="deflate") as socket:
            self.assertIn("permessage-deflate", socket.request.headers["Sec-WebSocket-Extensions"])
            self.assertNotIn("Sec-WebSocket-Extensions", socket.response.headers)
            self.assertEqual(socket.protocol.extensions, [])

    async def test_ping_is_answered(self):
        async with self.open("/echo") as socket:
            latency = await (await socket.ping(b"payload"))
            self.assertGreater(latency, 0)

    async def test_ping_between_fragments_is_answered(self):
        async with self.open("/echo") as socket:
            answered = []

            async def parts():
                yield "a"
                await (await socket.ping())
                answered.append(True)
                yield "b"

            await socket.send(parts())
            self.assertEqual(await socket.recv(), "ab")
            self.assertEqual(answered, [True])

    async def test_client_closes_and_its_payload_is_echoed(self):
        async with self.open("/echo") as socket:
            await socket.close(3001, "fertig ✓")
            self.assertEqual(socket.protocol.close_rcvd, Close(3001, "fertig ✓"))
            self.assertIs(socket.protocol.close_rcvd_then_sent, False)

    async def test_replies_go_out_before_the_close_is_echoed(self):
        async with self.open("/echo") as socket:
            for number in range(100):
                await socket.send(str(number))
            closing = asyncio.create_task(socket.close(1000))
            received = []
            try:
                while True:
                    received.append(await socket.recv())
            except ConnectionClosedOK as end:
                self.assertEqual(end.rcvd.code, 1000)
            await closing
            self.assertEqual(received, [str(number) for number in range(100)])

    async def test_a_client_that_vanishes_harms_nobody(self):
        async with self.open("/echo") as stays, self.open("/echo") as leaves:
            leaves.transport.abort()
            await leaves.wait_closed()
            await stays.send("still here")
            self.assertEqual(await stays.recv(), "still here")

    async def test_invalid_utf8_fails_the_connection_with_1007(self):
        async with self.open("/echo") as socket:
            await socket.send(b"\xce\xba\xe1\xbd\xb9\xcf\x83\xed\xa0\x80", text=True)
            end = await self.ended(socket)
            self.assertEqual(end.rcvd.code, 1007)


class Endpoints(Case):
    async def test_server_closes_first_with_code_and_reason(self):
        async with self.open("/close?code=4000&reason=bye%20bye") as socket:
            end = await self.ended(socket)
            self.assertEqual(end.rcvd, Close(4000, "bye bye"))
            self.assertIs(end.rcvd_then_sent, True)

    async def test_server_aborts(self):
        async with self.open("/abort") as socket:
            end = await self.ended(socket)
            self.assertIsNone(end.rcvd)
            self.assertIsInstance(end.__cause__, ConnectionResetError)

    async def test_server_drops_the_stream_without_a_close(self):
        async with self.open("/drop") as socket:
            end = await self.ended(socket)
            self.assertIsNone(end.rcvd)
            self.assertNotIsInstance(end.__cause__, ConnectionResetError)

    async def test_silent_server_never_answers_a_close(self):
        async with connect(self.server.ws + "/silent", close_timeout=1) as socket:
            await socket.close(1000)
            self.assertIsNone(socket.protocol.close_rcvd)
            self.assertIsNotNone(socket.protocol.close_sent)

    async def test_burst_has_the_count_and_the_size_asked_for(self):
        async with self.open("/burst?count=500&size=1000") as socket:
            sizes = [len(await socket.recv()) for _ in range(500)]
            self.assertEqual(sizes, [1000] * 500)

    async def test_unknown_target_is_refused_with_404(self):
        with self.assertRaises(InvalidStatus) as refused:
            async with self.open("/nothing"):
                pass
        self.assertEqual(refused.exception.response.status_code, 404)

    async def test_any_origin_may_connect_by_default(self):
        async with self.open("/echo", origin="https://elsewhere.example") as socket:
            await socket.send("x")
            self.assertEqual(await socket.recv(), "x")

    async def test_the_page_is_served(self):
        def get():
            with urllib.request.urlopen(self.server.http + "/", timeout=SECONDS) as response:
                return response.status, response.headers["Content-Type"], response.read().decode()

        status, kind, page = await asyncio.to_thread(get)
        self.assertEqual(status, 200)
        self.assertRegex(kind, "^text/html")
        for part in ("state", "connect", "message", "send", "close", "verdict", "counter-value"):
            self.assertRegex(page, f"id=[\"']?{part}\\b")
        self.assertEqual(re.findall(r"(?:src|href)=[\"']?https?:", page), [], "the page needs nothing from elsewhere")


class Counter(Case):
    async def next(self, socket, kind):
        """The next message of a type."""
        while True:
            message = json.loads(await socket.recv())
            if message["type"] == kind:
                return message

    async def users(self, socket, count):
        while (await self.next(socket, "users"))["count"] != count:
            pass

    async def test_every_change_reaches_everybody(self):
        async with self.open("/counter") as one, self.open("/counter") as two:
            start = (await self.next(one, "value"))["value"]
            self.assertEqual((await self.next(two, "value"))["value"], start)
            await two.send(json.dumps({"action": "plus"}))
            self.assertEqual((await self.next(one, "value"))["value"], start + 1)
            self.assertEqual((await self.next(two, "value"))["value"], start + 1)
            await one.send(json.dumps({"action": "minus"}))
            self.assertEqual((await self.next(one, "value"))["value"], start)
            self.assertEqual((await self.next(two, "value"))["value"], start)

    async def test_users_leave_exactly_once_however_they_end(self):
        async with self.open("/counter") as stays:
            await self.users(stays, 1)
            async with self.open("/counter"):
                await self.users(stays, 2)
            await self.users(stays, 1)
            async with self.open("/counter") as vanishes:
                await self.users(stays, 2)
                vanishes.transport.abort()
            await self.users(stays, 1)

    async def test_unknown_action_is_survived(self):
        async with self.open("/counter") as socket:
            start = (await self.next(socket, "value"))["value"]
            await socket.send(json.dumps({"action": "dance"}))
            await socket.send("not JSON")
            await socket.send(json.dumps({"action": "plus"}))
            self.assertEqual((await self.next(socket, "value"))["value"], start + 1)


class OriginPolicy(Case):
    options = ("--origin", "https://friend.example")

    async def test_listed_origin_may_connect(self):
        async with self.open("/echo", origin="https://friend.example") as socket:
            await socket.send("x")
            self.assertEqual(await socket.recv(), "x")

    async def test_absent_origin_may_connect(self):
        async with self.open("/echo") as socket:
            await socket.send("x")
            self.assertEqual(await socket.recv(), "x")

    async def test_other_origin_is_refused_with_403(self):
        with self.assertRaises(InvalidStatus) as refused:
            async with self.open("/echo", origin="https://stranger.example"):
                pass
        self.assertEqual(refused.exception.response.status_code, 403)


class Shutdown(DeadlineTestCase):
    async def stopped_by(self, number):
        server = self.watch(Serve())
        async with connect(server.ws + "/echo") as socket:
            await socket.send("x")
            self.assertEqual(await socket.recv(), "x")
            server.process.send_signal(number)
            with self.assertRaises(ConnectionClosedOK) as end:
                await socket.recv()
            self.assertEqual(end.exception.rcvd.code, 1001)
            self.assertIs(end.exception.rcvd_then_sent, True)
        status = await asyncio.to_thread(server.exit_status)
        self.assertEqual(status, 0, server.output())

    async def test_sigterm_closes_with_1001_and_ends_with_0(self):
        await self.stopped_by(signal.SIGTERM)

    async def test_ctrl_c_closes_with_1001_and_ends_with_0(self):
        await self.stopped_by(signal.SIGINT)


if __name__ == "__main__":
    unittest.main()
