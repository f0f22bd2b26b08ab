"""Loads the patch bay in Chromium again and again, and prints how long each load took, in milliseconds, a line each.

Usage: page-load.py FILE COUNT; FILE holds JSON: `url` of the console, `tenant`, `name`, `password`.
Each load has a browser context of its own, so that nothing is cached: only the session's cookie is brought along. A load
ends when the first panel stands on the page with its sockets.
"""

import json
import os
import sys
import time

from playwright.sync_api import sync_playwright

PATIENCE = 30_000


def main(path: str, count: int) -> None:
    with open(path, encoding="utf-8") as file:
        who = json.load(file)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=["--no-sandbox", "--disable-gpu"])
        context = browser.new_context(ignore_https_errors=True)
        page = context.new_page()
        page.goto(who["url"])
        page.locator("input[name=name]").fill(who["name"])
        page.locator("input[name=password]").fill(who["password"])
        page.keyboard.press("Enter")
        page.wait_for_selector("nav", timeout=PATIENCE)
        state = context.storage_state()
        context.close()
        for _ in range(count):
            context = browser.new_context(ignore_https_errors=True, storage_state=state)
            page = context.new_page()
            began = time.perf_counter()
            page.goto(f"{who['url']}#/t/{who['tenant']}/bay")
            page.wait_for_selector(".panel .plate", timeout=PATIENCE)
            print(round((time.perf_counter() - began) * 1000, 1), flush=True)
            context.close()
        browser.close()


main(sys.argv[1], int(sys.argv[2]))
