"""A TCP relay that makes a line slow, and breaks it when told: `python relay.py HOST PORT TARGET`.

For machines whose kernel has no netem. It delays every piece of data by DELAY seconds. When it
reads a line on standard input it drops all connections.
"""

from __future__ import annotations

import asyncio
import sys

DELAY = 0.03


async def main(host: str, port: int, target: str, target_port: int) -> None:
    """Relay until standard input ends."""
    writers: set[asyncio.StreamWriter] = set()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        try:
            while data := await reader.read(1 << 16):
                await asyncio.sleep(DELAY)
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writers.discard(writer)
            writer.close()

    async def joined(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(target, target_port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))

    await asyncio.start_server(joined, host, port)
    print("ready", flush=True)  # noqa: T201
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        for writer in list(writers):
            writer.transport.abort()
        print("dropped", flush=True)  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])))
