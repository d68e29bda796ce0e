#!/usr/bin/env python3
"""What do review pages of 62,658 cells take on the disk, how soon can one label, how fast is a label?

    review_bench.py build/release/bin/tilepool FOLDER [--run RUN_DIR] [--cells N]

Without --run it synthesises six slides of 20,000 x 20,000 px in FOLDER and runs them first (minutes).
Headless Chromium opens the page from file://, a fresh profile each time. Interactive: from the start
of the navigation to the mark that the page sets when every control works. Latency: from a key's time
stamp to the frame that follows, two seconds after the page came.
"""
import argparse
import json
import statistics
import subprocess
import time
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

LOADS, KEYS = 5, 100
PACE_S = 0.15  # between two keys: faster than anybody labels
LOOK_S = 2  # before the first key, while the first crops are drawn
WATCH_KEYS = """
    window.latencies = [];
    document.addEventListener('keydown', event => requestAnimationFrame(() => {
      const after = new MessageChannel();
      after.port1.onmessage = () => latencies.push(performance.now() - event.timeStamp);
      after.port2.postMessage(0);
    }), true);"""


def make_run(program, folder):
    slides = folder / "slides"
    subprocess.run([program, "synth", "--out", slides, "--slides", "6", "--size", "20000"], check=True)
    config = folder / "config.json"
    config.write_text(json.dumps({
        "slides": [str(path) for path in sorted(slides.glob("*.tif"))],
        "tiles": {"size_px": 2000}, "sample": {"fraction": 1.0}}))
    subprocess.run([program, "run", config, "--run-dir", folder / "run"], check=True)
    return folder / "run"


def browser():
    options = Options()
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage",
                     "--window-size=1400,1000"):
        options.add_argument(argument)
    options.binary_location = "/usr/bin/chromium"
    return webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)


def open_page(driver, page):
    driver.get(page.as_uri())
    while not driver.execute_script("return document.body.dataset.ready"):
        time.sleep(0.01)
    return driver.execute_script("return performance.getEntriesByName('tilepool-ready')[0].startTime")


def label_latencies(driver):
    time.sleep(LOOK_S)
    driver.execute_script(WATCH_KEYS)
    body = driver.find_element(By.TAG_NAME, "body")
    for i in range(KEYS):
        body.send_keys("ynu"[i % 3])
        time.sleep(PACE_S)
    return driver.execute_script("return latencies")


def milliseconds_of(driver, script):
    return driver.execute_script(f"const t = performance.now(); {script}; return performance.now() - t")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--run", type=Path)
    parser.add_argument("--cells", type=int, default=62658)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    run = arguments.run or make_run(arguments.program, arguments.folder)
    begin = time.monotonic()
    subprocess.run([arguments.program, "export", run, "--format", "review", "--max-cells",
                    str(arguments.cells), "--out", arguments.folder], check=True)
    seconds = time.monotonic() - begin
    pages = (arguments.folder / "review").resolve()
    files = [path for path in pages.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    ready = []
    for _ in range(LOADS):
        driver = browser()
        ready.append(open_page(driver, pages / "index.html"))
        n = driver.execute_script("return loaded.n")
        if len(ready) == LOADS:
            latencies = label_latencies(driver)
            sort = milliseconds_of(driver, "byId('sort').value = 'largest'; view.arrange()")
            turn = milliseconds_of(driver, "view.turnPage(1)")
        driver.quit()
    print(f"cells {n}, files {len(files)}, {size / 1e9:.3f} GB, exported in {seconds:.0f} s")
    print(f"interactive after {statistics.median(ready):.0f} ms "
          f"({min(ready):.0f}..{max(ready):.0f}, {LOADS} loads)")
    print(f"label latency median {statistics.median(latencies):.1f} ms, "
          f"95 % {statistics.quantiles(latencies, n=20)[-1]:.1f}, largest {max(latencies):.1f} "
          f"({len(latencies)} keys)")
    print(f"sort all {sort:.0f} ms, turn a page {turn:.0f} ms")


main()
