"""tilepool serve, asked by Python's HTTP client and by a browser."""
import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import urllib.parse

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By

from runs import BINARY, ENVIRONMENT, tilepool


@contextlib.contextmanager
def serving(folder, *arguments):
    """Serves a folder; gives its address."""
    server = subprocess.Popen([BINARY, "serve", str(folder), "--json", "--port", "0", *arguments],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              env=ENVIRONMENT)
    try:
        yield json.loads(server.stdout.readline())["url"]
    finally:
        server.send_signal(signal.SIGINT)
        _, told = server.communicate(timeout=30)
    assert server.returncode == 0, told
    assert "Ctrl-C" in told


def ask(url, target, method="GET", **headers):
    """Status, headers and body of one request; `target` is sent as it is."""
    place = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=30)
    with contextlib.closing(connection):
        connection.request(method, target, headers=headers)
        reply = connection.getresponse()
        return reply.status, reply.headers, reply.read()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("serve")
    run = root / "run"
    (run / "exports/review").mkdir(parents=True)
    (run / "report.html").write_text("<!doctype html><title>report</title>report of a run")
    (run / "exports/review/index.html").write_text("<!doctype html><title>review</title>")
    (run / "exports/review/a b.js").write_text("let x = 1;")
    (run / "large.bin").write_bytes(os.urandom(9_000_000))
    (root / "secret.txt").write_text("not below the folder")
    (run / "leaves").symlink_to(root)
    (run / "<odd> & name.html").write_text("odd")
    return run


def test_files_folders_and_a_list_of_pages(folder):
    with serving(folder) as url:
        root = urllib.parse.urlsplit(url).path
        status, headers, body = ask(url, root)
        assert status == 200 and headers["Content-Type"].startswith("text/html")
        assert b'href="exports/review/index.html"' in body and b'href="report.html"' in body
        assert b"&lt;odd&gt; &amp; name.html" in body and b"<odd>" not in body
        status, _, body = ask(url, root + "%3Codd%3E%20%26%20name.html")
        assert (status, body) == (200, b"odd")
        status, headers, body = ask(url, root + "report.html?v=1")
        assert status == 200 and body == (folder / "report.html").read_bytes()
        assert headers["Referrer-Policy"] == "no-referrer"
        status, headers, _ = ask(url, root + "exports/review")
        assert status == 301 and headers["Location"] == root + "exports/review/"
        status, _, body = ask(url, root + "exports/review/")
        assert status == 200 and b"<title>review" in body
        status, headers, body = ask(url, root + "exports/review/a%20b.js")
        assert headers["Content-Type"].startswith("text/javascript") and body == b"let x = 1;"
        assert ask(url, root + "large.bin")[2] == (folder / "large.bin").read_bytes()
        status, headers, body = ask(url, root + "large.bin", "HEAD")
        assert (status, headers["Content-Length"], body) == (200, "9000000", b"")


def test_nothing_else_is_given_to_nobody_else(folder):
    with serving(folder) as url:
        root = urllib.parse.urlsplit(url).path
        port = urllib.parse.urlsplit(url).port
        for target in ("../secret.txt", "%2e%2e/secret.txt", "leaves/secret.txt", "none",
                       "exports/", "/etc/passwd", "%2fetc/passwd"):
            status, _, body = ask(url, root + target)
            assert status == 404 and b"not below" not in body, target
        assert ask(url, root + "%zz")[0] == ask(url, root + "%00")[0] == 400
        assert ask(url, "/")[0] == ask(url, "/report.html")[0] == 404
        assert ask(url, root, "POST")[0] == ask(url, root, "DELETE")[0] == 405
        # A name of elsewhere that was resolved to this machine.
        assert ask(url, root, Host=f"example.org:{port}")[0] == 403
        assert ask(url, root, Host=f"localhost:{port}")[0] == 200
        for family, hosts in ((socket.AF_INET, ["127.0.0.2"]), (socket.AF_INET6, ["::1"])):
            for host in hosts:
                with socket.socket(family) as other, pytest.raises(OSError):
                    other.connect((host, port))


def test_connections_that_say_nothing_hold_up_nobody(folder):
    with serving(folder) as url:
        place = urllib.parse.urlsplit(url)
        with contextlib.ExitStack() as idle:
            for _ in range(40):
                idle.enter_context(socket.create_connection((place.hostname, place.port)))
            assert ask(url, place.path + "report.html")[0] == 200
        with socket.create_connection((place.hostname, place.port)) as odd:
            odd.sendall(b"\0\1\2\3 no HTTP\r\n\r\n")
        assert ask(url, place.path + "report.html")[0] == 200


def test_a_browser_opens_it(folder):
    options = webdriver.ChromeOptions()
    for argument in ("--headless", "--no-sandbox", "--disable-gpu"):
        options.add_argument(argument)
    with serving(folder) as url:
        driver = webdriver.Chrome(options=options)
        try:
            driver.get(url)
            driver.find_element(By.LINK_TEXT, "exports/review/index.html").click()
            assert driver.title == "review"
        finally:
            driver.quit()


def test_a_port_that_is_taken_and_a_folder_that_is_none(folder, tmp_path):
    with serving(folder) as url:
        port = urllib.parse.urlsplit(url).port
        done = tilepool("serve", folder, "--port", port)
        assert done.returncode == 74 and "--port" in done.stderr and "in use" in done.stderr
    done = tilepool("serve", tmp_path / "none")
    assert done.returncode == 66 and "is no folder" in done.stderr
    assert tilepool("serve", folder, "--port", 70000).returncode == 64
