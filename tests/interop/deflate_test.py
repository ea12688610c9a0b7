"""permessage-deflate with Python `websockets`, in both roles: every combination of the four parameters."""

import asyncio
import itertools
import pathlib
import random
import sys
import unittest

from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory, ServerPerMessageDeflateFactory

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from deadline import DeadlineTestCase  # noqa: E402
from program import Program, Serve, binary  # noqa: E402

WORDS = "lorem ipsum dolor sit amet größe 世界 🌍".split()
RANDOM = random.Random(7692)
MESSAGES = [
    "",
    "x",
    "the same text again and again",
    "the same text again and again",
    " ".join(RANDOM.choices(WORDS, k=5000)),
    RANDOM.randbytes(70_000),
    b"",
    bytes(300_000),
]
LINES = [message for message in MESSAGES if isinstance(message, str)]


def combinations():
    """Sixteen of which parameters there are, each with windows of 9 and of 15 bits."""
    for server, client, server_bits, client_bits in itertools.product((False, True), repeat=4):
        for bits in (9, 15) if server_bits or client_bits else (None,):
            yield server, client, bits if server_bits else None, bits if client_bits else None


def named(server, client, server_bits, client_bits):
    """The parameters as they stand in the header, in alphabetical order."""
    found = ["client_no_context_takeover"] * client + ["server_no_context_takeover"] * server
    found += [f"client_max_window_bits={client_bits}"] * bool(client_bits)
    found += [f"server_max_window_bits={server_bits}"] * bool(server_bits)
    return sorted(found)


def parameters(header):
    """What a `Sec-WebSocket-Extensions` with one extension names, in alphabetical order."""
    name, *found = (part.strip() for part in header.split(";"))
    assert name == "permessage-deflate", header
    return sorted(found)


class Combinations(unittest.TestCase):
    def test_there_are_sixteen_of_parameters(self):
        present = {tuple(bool(part) for part in combination) for combination in combinations()}
        self.assertEqual(len(present), 16)


class ServerRole(DeadlineTestCase):
    """`adieu serve` is asked for each."""

    async def test_what_is_offered_is_agreed_on_and_messages_come_back(self):
        server = self.watch(Serve("--deflate=0"))
        for combination in combinations():
            with self.subTest(combination):
                extension = ClientPerMessageDeflateFactory(*combination)
                options = {"compression": None, "extensions": [extension], "max_size": None}
                async with connect(f"{server.ws}/echo", **options) as socket:
                    agreed = parameters(socket.response.headers["Sec-WebSocket-Extensions"])
                    self.assertEqual(agreed, named(*combination))
                    for message in MESSAGES * 2:
                        await socket.send(message)
                        self.assertEqual(await socket.recv(), message)
                    await socket.send(["in ", "", "fragments"])
                    self.assertEqual(await socket.recv(), "in fragments")
        server.check()

    async def test_what_the_server_asks_for_is_agreed_on(self):
        for combination in combinations():
            with self.subTest(combination):
                settings = "; ".join(["0", *named(*combination)])
                server = self.watch(Serve(f"--deflate={settings}"))
                async with connect(f"{server.ws}/echo", max_size=None) as socket:
                    agreed = parameters(socket.response.headers["Sec-WebSocket-Extensions"])
                    full = [part for part in named(*combination) if not part.endswith("=15")]
                    self.assertEqual(agreed, full)
                    for message in MESSAGES:
                        await socket.send(message)
                        self.assertEqual(await socket.recv(), message)
                server.stop()


class ClientRole(DeadlineTestCase):
    """`adieu connect` is asked for each, and asks for each."""

    async def talk(self, factory, settings):
        """What was offered and what was agreed on, behind messages that came back."""
        seen = {}

        async def echo(socket):
            seen["offer"] = socket.request.headers["Sec-WebSocket-Extensions"]
            seen["answer"] = socket.response.headers["Sec-WebSocket-Extensions"]
            async for message in socket:
                await socket.send(message)

        async with serve(echo, "127.0.0.1", 0, compression=None, extensions=[factory]) as server:
            url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
            program = self.watch(Program(binary("adieu"), "connect", url, f"--deflate={settings}", stdin=True))
            for line in LINES * 2:
                program.say(line)
                self.assertEqual(await asyncio.to_thread(program.out.next), f"< {line}")
            program.say("/quit")
            self.assertEqual(await asyncio.to_thread(program.exit_status), 0, program.err.text())
        return seen

    async def test_what_the_server_asks_for_is_done(self):
        for combination in combinations():
            with self.subTest(combination):
                seen = await self.talk(ServerPerMessageDeflateFactory(*combination), "0")
                self.assertEqual(seen["offer"], "permessage-deflate; client_max_window_bits")
                self.assertEqual(parameters(seen["answer"]), named(*combination))

    async def test_what_the_client_asks_for_is_agreed_on(self):
        for combination in combinations():
            with self.subTest(combination):
                settings = "; ".join(["0", *named(*combination)])
                seen = await self.talk(ServerPerMessageDeflateFactory(), settings)
                full = [part for part in named(*combination) if not part.endswith("=15")]
                self.assertTrue(set(full) <= set(parameters(seen["offer"])), seen)
                self.assertTrue(set(full) <= set(parameters(seen["answer"])), seen)


if __name__ == "__main__":
    unittest.main()
