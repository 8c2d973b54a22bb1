"""Clients of a computer's event streams with requests alone: what a line holds is what they print.

events BASE KEY ID             prints each line that is not empty, to the end of the stream
screencast BASE KEY ID COUNT   decodes what follows `data:`, and prints the size of each picture
"""

import base64
import sys

import requests


def events(base, key, computer):
    url = f"{base}/v1/computers/{computer}/events"
    headers = {"Authorization": f"Bearer {key}"}
    with requests.get(url, headers=headers, stream=True) as response:
        print(f"Status: {response.status_code}")
        for line in response.iter_lines():
            if line:
                print(line.decode("utf-8"))


def screencast(base, key, computer, count):
    url = f"{base}/v1/computers/{computer}/screencast"
    headers = {"Authorization": f"Bearer {key}"}
    frames = 0
    with requests.get(url, headers=headers, stream=True) as response:
        for line in response.iter_lines():
            if line:
                data = line.decode("utf-8")
                if data.startswith("data:"):
                    image = base64.b64decode(data[5:].strip())
                    whole = image[:2] == b"\xff\xd8" and image[-2:] == b"\xff\xd9"
                    print(f"Frame: {len(image)} bytes, {'whole' if whole else 'broken'}")
                    frames += 1
                    if frames == count:
                        return


def main():
    mode, base, key, computer, *rest = sys.argv[1:]
    if mode == "events":
        events(base, key, computer)
    else:
        screencast(base, key, computer, int(rest[0]))


main()
