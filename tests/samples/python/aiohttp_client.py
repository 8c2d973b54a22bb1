"""A client with aiohttp that slices the lines itself: exactly one space behind `event:` and `data:`.

run BASE PROJECT KEY COMMAND
follow BASE PROJECT KEY STREAM_ID [LAST_EVENT_ID]
"""

import asyncio
import json
import sys

import aiohttp


async def watch(session, base, project, stream_id, headers):
    async with session.get(
        f"{base}/projects/{project}/events", params={"stream_id": stream_id}, headers=headers
    ) as answer:
        print(f"Status: {answer.status}")
        async for line in answer.content:
            line = line.decode("utf-8").strip()
            if line.startswith("event:"):
                event_type = line[7:]
            elif line.startswith("data:"):
                # `event_type` is unbound if a frame names none, and the JSON must be whole on this one line.
                data = json.loads(line[6:])
                if event_type == "connected":
                    print(f"Connected: {json.dumps(data)}")
                elif event_type == "output":
                    print(f"[{data['stream']}] {data['line']}")
                elif event_type == "error":
                    print(f"Error: {data['message']}")
                elif event_type == "complete":
                    return data


async def main():
    mode, base, project, key, subject, *rest = sys.argv[1:]
    async with aiohttp.ClientSession(headers={"X-API-Key": key}) as session:
        stream_id = subject
        if mode == "run":
            async with session.post(f"{base}/projects/{project}/shell", json={"command": subject}) as answer:
                # .json() refuses an answer that is not application/json.
                stream_id = (await answer.json())["data"]["id"]
        headers = {"Last-Event-ID": rest[0]} if rest else {}
        result = await watch(session, base, project, stream_id, headers)
        print(f"Exit code: {result['exit_code']}")


asyncio.run(main())
