#!/usr/bin/env python3
"""The picture of the review pages in docs/review.md.

    scripts/review-screenshot.py build/release/bin/tilepool runs/demo docs/review.webp
"""
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

# Every crop of the window and the overview of the slide have been drawn.
DRAWN = """
    const shown = [...document.querySelectorAll('.card')].filter(
      card => card.getBoundingClientRect().top < innerHeight);
    return shown.length > 0 && shown.every(card => card.querySelector('.line[d]')) &&
      [...document.querySelectorAll('#context img')].every(image => image.complete);"""


def photograph(page, picture):
    options = Options()
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage",
                     "--hide-scrollbars", "--window-size=1400,1000"):
        options.add_argument(argument)
    driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
    try:
        driver.get(page.as_uri())
        body = driver.find_element(By.TAG_NAME, "body")
        for key in "yynyyuyny":
            body.send_keys(key)
        WebDriverWait(driver, 20).until(lambda _: driver.execute_script(DRAWN))
        driver.execute_async_script("const done = arguments[0];"
                                    "requestAnimationFrame(() => requestAnimationFrame(done))")
        driver.save_screenshot(str(picture))
    finally:
        driver.quit()


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    program, run, out = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([program, "export", run, "--format", "review", "--out", folder], check=True)
        picture = Path(folder) / "picture.png"
        photograph(Path(folder).resolve() / "review/index.html", picture)
        Image.open(picture).convert("RGB").save(out, quality=80, method=6)


main()
