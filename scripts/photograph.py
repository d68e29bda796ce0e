#!/usr/bin/python3
"""A picture of a page of tilepool's, taken with Debian's Chromium; scripts/screenshots.sh calls it.

    scripts/photograph.py PAGE PICTURE.webp WIDTH HEIGHT [KEYS]

PAGE is a file, with #SECTION to begin there; KEYS are typed into it before. WIDTH and HEIGHT are CSS pixels.
"""
import sys
import tempfile
from pathlib import Path

from PIL import Image
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

# All pictures are there; on a review page also every crop of the window and its outline.
DRAWN = """
    const cards = [...document.querySelectorAll('.card')].filter(
      card => card.getBoundingClientRect().top < innerHeight);
    const reviewed = document.querySelector('#context') === null || (cards.length > 0 &&
      cards.every(card => card.querySelector('.line[d]')));
    return reviewed && [...document.images].every(image => image.complete);"""


def photograph(page, section, picture, size, keys):
    options = Options()
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage",
                     "--hide-scrollbars", f"--window-size={size[0]},{size[1]}"):
        options.add_argument(argument)
    driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
    try:
        driver.get(page.as_uri())
        if section:
            driver.execute_script("document.getElementById(arguments[0])"
                                  ".scrollIntoView({behavior: 'instant'})", section)
        body = driver.find_element(By.TAG_NAME, "body")
        for key in keys:
            body.send_keys(key)
        WebDriverWait(driver, 20).until(lambda _: driver.execute_script(DRAWN))
        driver.execute_async_script("const done = arguments[0];"
                                    "requestAnimationFrame(() => requestAnimationFrame(done))")
        driver.save_screenshot(str(picture))
    finally:
        driver.quit()


def main():
    if len(sys.argv) not in (5, 6):
        sys.exit(__doc__)
    page, out, width, height, *keys = sys.argv[1:]
    file, _, section = page.partition("#")
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "picture.png"
        photograph(Path(file).resolve(), section, picture,
                   (int(width), int(height)), "".join(keys))
        Image.open(picture).convert("RGB").save(out, quality=80, method=6)


main()
