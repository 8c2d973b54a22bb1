"""The published client of the computers' interface, against this server: BASE KEY PAGE."""

import asyncio
import sys

import httpx
from tzafon import AsyncComputer, Computer, NotFoundError


def drive(client, page):
    with client.create(kind="browser", inactivity_timeout_seconds=60, stealth={"level": 1}) as computer:
        print(f"Created: {computer.id}")
        answer = computer.navigate(page)
        print(f"Navigated: {answer.status} {answer.request_id} {answer.timestamp}")
        print(f"Typed: {computer.type('hello').status}")
        print(f"Clicked: {computer.click(10, 10).status}")
        print(f"Hotkey: {computer.hotkey('ctrl', 'a').status}")
        print(f"Waited: {computer.wait(0.01).status}")
        picture = httpx.get(computer.get_screenshot_url(computer.screenshot()))
        print(f"Screenshot: {picture.status_code} {picture.headers['content-type']}")
        print(f"HTML: {'<title>' in computer.get_html_content(computer.html())}")
        print(f"Debug: {computer.get_debug_response(computer.debug('echo out')).strip()}")
        raw = client.computers
        result = raw.keep_alive(computer.id)
        print(f"Session extended: {result}")
        status = raw.retrieve_status(computer.id)
        print(f"Status: {status.status} {status.inactivity_timeout_seconds}")
        print(f"Kind: {raw.retrieve(computer.id).kind}")
        print(f"Listed: {computer.id in [each.id for each in raw.list()]}")
        print(f"Batch: {raw.execute_batch(computer.id, actions=[{'type': 'wait', 'ms': 1}])['status']}")
        tab = raw.tabs.create(computer.id, url=page).result["created_tab_id"]
        print(f"Tabs: {len(raw.tabs.list(computer.id).result['tabs'])}")
        print(f"Switched: {raw.tabs.switch(tab, id=computer.id).status}")
        print(f"Closed: {raw.tabs.delete(tab, id=computer.id).status}")
        print(f"Sync: {raw.exec.execute_sync(computer.id, command='echo sync').stdout.strip()}")
        for line in raw.exec.execute(computer.id, command="echo streamed; exit 3"):
            print(f"Line: {line.type} {line.data or line.code}".strip())
        failed = computer.navigate("http://no-such-host.invalid/")
        print(f"Failed: {failed.status} {bool(failed.error_message)}")
        with raw.with_streaming_response.stream_events(computer.id) as response:
            print(f"Events: {response.status_code}")
    try:
        raw.keep_alive(computer.id)
    except NotFoundError as error:
        print(f"Terminated: {error.status_code} {error.body['status']}")


async def drive_async(base, key):
    async with AsyncComputer(api_key=key, base_url=base) as client:
        made = await client.computers.create()
        await client.computers.terminate(made.id)
        print("Async: done")


def main():
    base, key, page = sys.argv[1:]
    drive(Computer(api_key=key, base_url=base), page)
    asyncio.run(drive_async(base, key))


main()
