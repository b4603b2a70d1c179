"""Counts the payments of the demo's merchant: registered.py URL"""

import sys

import requests

KEY = {"Authorization": "Bearer sk_test_demo"}

count, cursor = 0, None
while True:
    page = requests.get(
        f"{sys.argv[1]}/v1/payments",
        headers=KEY,
        params={"limit": 100, **({"cursor": cursor} if cursor else {})},
        timeout=20,
    ).json()
    count += len(page["data"])
    cursor = page.get("next_cursor")
    if cursor is None:
        break
print(count)
