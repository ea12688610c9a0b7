"""Our deflate against Python's zlib, both ways: what one makes the other reads, with every window and level, with takeover and without."""

import pathlib
import random
import sys
import unittest
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from program import Program, binary  # noqa: E402

TAIL = b"\x00\x00\xff\xff"
SEED = 1951
ROUNDS = 40


class Pipe:
    """`deflate-pipe`, one line to and one line fro."""

    def __init__(self, bits, level, takeover):
        self.program = Program(binary("deflate-pipe"), bits, level, int(takeover), stdin=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.program.stop()

    def ask(self, what, data):
        self.program.say(what + data.hex())
        answer = self.program.out.next()
        return answer if answer.startswith("!") else bytes.fromhex(answer)


def messages(chance):
    """Text that repeats itself, bytes that do not, runs, nothing; short and long."""
    words = [chance.randbytes(chance.randrange(2, 9)) for _ in range(40)]
    for _ in range(ROUNDS):
        length = chance.choice((0, 1, 5, 100, 1000, 5000, 70_000))
        kind = chance.randrange(4)
        if kind == 0:
            yield chance.randbytes(length)
        elif kind == 1:
            yield bytes([chance.randrange(256)]) * length
        else:
            yield b" ".join(chance.choices(words, k=length // 6))


def settings():
    for bits in range(9, 16):
        for level in (0, 1, 2, 6, 9):
            for takeover in (False, True):
                yield bits, level, takeover


class Differential(unittest.TestCase):
    def test_zlib_reads_what_we_make(self):
        for bits, level, takeover in settings():
            chance = random.Random(f"{SEED} {bits} {level} {takeover}")
            with self.subTest(bits=bits, level=level, takeover=takeover), Pipe(bits, level, takeover) as pipe:
                reader = zlib.decompressobj(-bits)
                for message in messages(chance):
                    payload = pipe.ask("d", message)
                    self.assertEqual(reader.decompress(payload + TAIL), message)
                    self.assertEqual(reader.unconsumed_tail + reader.unused_data, b"")
                    if not takeover:
                        reader = zlib.decompressobj(-bits)

    def test_we_read_what_zlib_makes(self):
        for bits, level, takeover in settings():
            chance = random.Random(f"{SEED} {bits} {level} {takeover} back")
            with self.subTest(bits=bits, level=level, takeover=takeover), Pipe(bits, 1, takeover) as pipe:
                writer = zlib.compressobj(level, zlib.DEFLATED, -bits, chance.randrange(1, 10))
                for message in messages(chance):
                    cuts = [message[at : at + 3000] for at in range(0, len(message), 3000)]
                    flushes = (zlib.Z_SYNC_FLUSH, zlib.Z_PARTIAL_FLUSH, zlib.Z_FULL_FLUSH, zlib.Z_NO_FLUSH)
                    parts = [writer.compress(cut) + writer.flush(chance.choice(flushes)) for cut in cuts]
                    payload = b"".join(parts) + writer.flush(zlib.Z_SYNC_FLUSH)
                    # Where all was flushed before, zlib does not flush again.
                    payload = payload[:-4] if payload.endswith(TAIL) else payload + b"\x00"
                    self.assertEqual(pipe.ask("i", payload), message)
                    if not takeover:
                        writer = zlib.compressobj(level, zlib.DEFLATED, -bits)

    def test_what_zlib_refuses_we_refuse(self):
        chance = random.Random(SEED)
        refused = 0
        for _ in range(150):
            writer = zlib.compressobj(chance.choice((1, 6, 9)), zlib.DEFLATED, -15)
            payload = bytearray(writer.compress(chance.randbytes(20) * 9) + writer.flush(zlib.Z_SYNC_FLUSH))[:-4]
            for _ in range(chance.randrange(1, 4)):
                payload[chance.randrange(len(payload))] ^= 1 << chance.randrange(8)
            reader = zlib.decompressobj(-15)
            try:
                expected = reader.decompress(bytes(payload) + TAIL)
            except zlib.error:
                expected = None
            with Pipe(15, 1, False) as pipe:
                answer = pipe.ask("i", bytes(payload))
            # Behind a final block, and where a block has no end, zlib says nothing and we do.
            if expected is None:
                self.assertIsInstance(answer, str, payload.hex())
                refused += 1
            elif not isinstance(answer, str):
                self.assertTrue(answer.startswith(expected), payload.hex())
        self.assertGreater(refused, 30)


if __name__ == "__main__":
    unittest.main()
