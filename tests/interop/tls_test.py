"""Python `websockets` over TLS, as the client of `adieu serve` and as the server for `adieu connect`; and proxies on the way."""

import asyncio
import base64
import pathlib
import socket as sockets
import ssl
import sys
import tempfile
import unittest

from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK
from websockets.frames import Close

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from certificate import Certificate  # noqa: E402
from deadline import SECONDS, DeadlineTestCase  # noqa: E402
from program import Program, Serve, binary  # noqa: E402


class Case(DeadlineTestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))

    def certificate(self, *names):
        return Certificate(self.folder, *(names or ("localhost", "127.0.0.1")))


class Served(Case):
    """`adieu serve` over TLS."""

    def serve(self):
        made = self.certificate()
        return made.trusted(), self.watch(Serve("--cert", made.file, "--key", made.key, secure=True))

    def open(self, context, server, target, **options):
        return connect(server.ws + target, ssl=context, close_timeout=SECONDS, max_size=1 << 26, **options)

    async def test_messages_of_all_sizes_come_back(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context, server = self.serve()
            context.minimum_version = context.maximum_version = version
            async with self.open(context, server, "/echo", ping_interval=None) as socket:
                for message in ("Grüße", b"", bytes(125), bytes(1 << 16), bytes(17 << 20)):
                    await socket.send(message)
                    self.assertEqual(await socket.recv(), message)

    async def test_the_client_closes(self):
        context, server = self.serve()
        async with self.open(context, server, "/echo") as socket:
            await socket.close(3001, "fertig")
            self.assertEqual(socket.protocol.close_rcvd, Close(3001, "fertig"))

    async def test_the_server_closes_and_stops(self):
        context, server = self.serve()
        async with self.open(context, server, "/close?code=4000&reason=bye") as socket:
            with self.assertRaises(ConnectionClosedError) as end:
                await socket.recv()
            self.assertEqual(end.exception.rcvd, Close(4000, "bye"))
        async with self.open(context, server, "/echo") as socket:
            server.process.terminate()
            with self.assertRaises(ConnectionClosedOK) as end:
                await socket.recv()
            self.assertEqual(end.exception.rcvd.code, 1001)
        self.assertEqual(await asyncio.to_thread(server.exit_status), 0, server.output())

    async def test_a_certificate_made_for_the_run_is_trusted_by_who_has_its_file(self):
        file = self.folder / "made.pem"
        server = self.watch(Serve("--self-signed", file, secure=True))
        context = ssl.create_default_context(cafile=file)
        async with self.open(context, server, "/echo") as socket:
            await socket.send("x")
            self.assertEqual(await socket.recv(), "x")
        with self.assertRaises(ssl.SSLCertVerificationError):
            async with connect(server.ws + "/echo"):
                pass

    async def test_files_that_are_of_no_use_are_one_clear_line(self):
        made = self.certificate()
        cases = [
            ("--cert", made.key, "--key", made.key, f"adieu: {made.key}: no certificate in PEM"),
            ("--cert", made.file, "--key", made.file, f"adieu: {made.file}: no private key in PEM"),
            ("--cert", self.folder / "none", "--key", made.key, f"adieu: {self.folder / 'none'}: No such file or directory"),
        ]
        for *options, expected in cases:
            with Program(binary("adieu"), "serve", "127.0.0.1:0", *options) as program:
                self.assertEqual(await asyncio.to_thread(program.exit_status), 1)
                self.assertTrue(program.err.text().startswith(expected), program.err.text())


class Connected(Case):
    """`adieu connect` over TLS."""

    async def asyncSetUp(self):
        self.connected = asyncio.get_running_loop().create_future()
        self.release = asyncio.Event()

    async def handle(self, socket):
        self.connected.set_result(socket)
        await self.release.wait()

    async def serve(self, context):
        server = await self.enterAsyncContext(serve(self.handle, "127.0.0.1", 0, ssl=context))
        self.addCleanup(self.release.set)
        return server.sockets[0].getsockname()[1]

    async def start(self, *options, names=(), host="127.0.0.1", **more):
        made = self.certificate(*names)
        port = await self.serve(made.server())
        url = f"wss://{host}:{port}/"
        return self.watch(Program(binary("adieu"), "connect", url, "--ca", made.file, *options, stdin=True, **more))

    async def status(self, program):
        return await asyncio.to_thread(program.exit_status)

    async def test_lines_are_messages_and_the_program_closes(self):
        program = await self.start(host="localhost")
        socket = await self.connected
        self.assertEqual(socket.transport.get_extra_info("ssl_object").selected_alpn_protocol(), None)
        program.say("Grüße")
        self.assertEqual(await socket.recv(), "Grüße")
        await socket.send("zurück")
        await asyncio.to_thread(program.out.find, lambda line: line == "< zurück")
        program.say("/close 4001 good bye")
        await socket.wait_closed()
        self.assertEqual(socket.protocol.close_rcvd, Close(4001, "good bye"))
        self.assertEqual(await self.status(program), 0)
        self.assertIn("clean: closing handshake complete", program.err.text())

    async def test_the_server_closes(self):
        program = await self.start()
        await (await self.connected).close(4002, "enough")
        self.assertEqual(await self.status(program), 0)
        self.assertIn("the peer closed first", program.err.text())

    async def test_a_close_notify_without_a_close_is_an_end_of_stream(self):
        program = await self.start()
        (await self.connected).transport.close()
        self.assertEqual(await self.status(program), 1)
        self.assertIn("not clean: end of stream", program.err.text())

    async def test_a_stream_that_is_cut_is_truncated(self):
        program = await self.start()
        (await self.connected).transport.get_extra_info("socket").shutdown(sockets.SHUT_WR)
        self.assertEqual(await self.status(program), 1)
        self.assertIn("not clean: TLS stream truncated", program.err.text())

    async def test_a_connection_is_recorded_and_runs_again(self):
        file = self.folder / "talk.trace"
        program = await self.start("--trace", file)
        socket = await self.connected
        program.say("Grüße")
        self.assertEqual(await socket.recv(), "Grüße")
        long = "x" * 200_000
        await socket.send(long)
        await asyncio.to_thread(program.out.find, lambda line: line == f"< {long}")
        program.hang_up()
        await socket.wait_closed()
        self.assertEqual(await self.status(program), 0)
        for command in ("trace", "replay"):
            with Program(binary("adieu"), command, file) as again:
                self.assertEqual(await self.status(again), 0, again.output())

    async def refused(self, program, reason):
        self.assertEqual(await self.status(program), 1)
        self.assertEqual(program.err.text(), f"adieu: the TLS handshake failed: {reason}")
        self.assertEqual(program.out.text(), "")

    async def test_a_certificate_for_another_name_is_refused(self):
        program = await self.start(names=("other.example",), host="localhost")
        await self.refused(program, "the server's certificate is for another name: other.example, and not localhost")

    async def test_an_unknown_authority_is_refused(self):
        port = await self.serve(self.certificate().server())
        other = self.folder / "other"
        other.mkdir()
        trusted = Certificate(other, "elsewhere.example").file
        for options in ((), ("--ca", trusted)):
            program = self.watch(Program(binary("adieu"), "connect", f"wss://localhost:{port}/", *options))
            await self.refused(program, "the server's certificate is from an authority that is not trusted here")


class Proxied(Connected):
    """The same through a proxy that the environment names."""

    async def proxy(self, status=200):
        """A proxy that takes every name for this machine's, from those who know the password."""
        self.asked = []

        async def pump(reader, writer):
            while data := await reader.read(1 << 16):
                writer.write(data)
            writer.close()

        async def tunnel(reader, writer):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.asked.append(head.splitlines()[0])
            known = base64.b64encode(b"user:pass word").decode()
            if f"Proxy-Authorization: Basic {known}\r\n" not in head:
                writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
                return writer.close()
            writer.write(f"HTTP/1.1 {status} X\r\n\r\n".encode())
            if status != 200:
                return writer.close()
            port = int(head.split()[1].rsplit(":", 1)[1])
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
            await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer), return_exceptions=True)

        server = await asyncio.start_server(tunnel, "127.0.0.1", 0)
        self.addCleanup(server.close)
        return server.sockets[0].getsockname()[1]

    async def start(self, *options, names=("server.test",), host="server.test", user="user:pass%20word@", **more):
        port = await self.proxy(more.pop("status", 200))
        self.environment = {"https_proxy": f"http://{user}127.0.0.1:{port}", "no_proxy": "elsewhere.test"}
        name = "server.test" if host in ("127.0.0.1", "localhost") else host
        return await super().start(*options, names=names, host=name, environment=self.environment, **more)

    async def test_the_proxy_is_asked_for_the_server(self):
        await self.start()
        await self.connected
        self.assertRegex(self.asked[0], r"\ACONNECT server\.test:\d+ HTTP/1\.1\Z")

    async def test_a_proxy_that_refuses_is_told(self):
        program = await self.start(status=403)
        self.assertEqual(await self.status(program), 1)
        self.assertEqual(program.err.text(), "adieu: cannot connect through the proxy: it refuses with status 403")

    async def test_a_proxy_that_wants_a_password_is_told(self):
        for user, words in (("", "it wants a user and a password"), ("u:p@", "it does not take the user and the password")):
            program = await self.start(user=user)
            self.assertEqual(await self.status(program), 1)
            self.assertEqual(program.err.text(), f"adieu: cannot connect through the proxy: {words}")

    async def test_a_certificate_for_another_name_is_refused(self):
        program = await self.start(names=("other.example",))
        await self.refused(program, "the server's certificate is for another name: other.example, and not server.test")


if __name__ == "__main__":
    unittest.main()
