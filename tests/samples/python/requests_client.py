"""A client with requests and sseclient-py: it loads the JSON of every event, whatever its name.

run BASE PROJECT KEY COMMAND
follow BASE PROJECT KEY STREAM_ID [LAST_EVENT_ID]
"""

import json
import sys

import requests
import sseclient


def start(base, project, key, command):
    answer = requests.post(
        f"{base}/projects/{project}/shell",
        headers={"X-API-Key": key, "Content-Type": "application/json"},
        json={"command": command},
    )
    return answer.json()["data"]["id"]


def connect(url, key, stream_id, last_event_id=None):
    headers = {"X-API-Key": key}
    if last_event_id:
        headers["Last-Event-ID"] = last_event_id
    answer = requests.get(url, params={"stream_id": stream_id}, headers=headers, stream=True)
    print(f"Status: {answer.status_code}")
    return sseclient.SSEClient(answer)


def watch(client):
    result = None
    for event in client.events():
        data = json.loads(event.data)
        if event.event == "connected":
            print(f"Connected: {json.dumps(data)}")
        elif event.event == "output":
            print(f"[{data.get('stream', 'stdout')}] {data.get('line', '')}")
        elif event.event == "complete":
            result = {"exit_code": data["exit_code"], "duration_ms": data["duration_ms"]}
            break
        elif event.event == "error":
            print(f"Error: {data['message']}")
        elif event.event == "heartbeat":
            pass
    return result


def main():
    mode, base, project, key, subject, *rest = sys.argv[1:]
    stream_id = start(base, project, key, subject) if mode == "run" else subject
    client = connect(f"{base}/projects/{project}/events", key, stream_id, rest[0] if rest else None)
    # Subscripted without a look: a stream that ends without `complete` makes this program fail.
    print(f"Exit code: {watch(client)['exit_code']}")


main()
