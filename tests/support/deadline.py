"""A test case in which every test has a deadline, and shows what its programs printed when it fails."""

import asyncio
import functools
import inspect
import sys
import unittest

SECONDS = 30


class DeadlineTestCase(unittest.IsolatedAsyncioTestCase):
    """Wraps each test of its subclasses."""

    def __init_subclass__(cls):
        super().__init_subclass__()
        for name, function in list(vars(cls).items()):
            if name.startswith("test_") and inspect.iscoroutinefunction(function):
                setattr(cls, name, _bounded(function))

    def setUp(self):
        self.programs = []

    def watch(self, program):
        """Stops the program after the test; shows what it printed if the test fails."""
        self.programs.append(program)
        self.addCleanup(program.stop)
        return program


def _bounded(function):
    @functools.wraps(function)
    async def bounded(self):
        try:
            async with asyncio.timeout(SECONDS):
                await function(self)
        except BaseException as failure:
            for program in self.programs:
                print(f"-- {program}\n{program.output()}", file=sys.stderr)
            if isinstance(failure, TimeoutError):
                raise AssertionError(f"{function.__name__} has not ended within {SECONDS} s") from failure
            raise

    return bounded
