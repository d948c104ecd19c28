#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Flame graphs in a headless Chromium: looks, search, zoom, keys. Exit 77 (skipped) where it is not installed.

With ORDO_PICTURES=FOLDER what is seen is kept there as pictures."""
import http.server
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import unittest
import xml.etree.ElementTree

import browser

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("ORDO_BUILD", ROOT / "build"))
PICTURES = os.environ.get("ORDO_PICTURES")
NASTY = "a<b> \"x\" & 'y'; </script> ]]> \u00fc \U0001f600"
SVG = "{http://www.w3.org/2000/svg}"

# Helpers inside the page: a frame by its function, in the graph number `window.graph`.
HELPERS = """
window.graph = 0;
window.root = () => document.querySelectorAll(".ordo-flame")[window.graph];
window.all = () => Array.from(root().querySelectorAll(".f"));
window.lines = (box) => box.querySelector("title").textContent.split("\\n");
window.box = (name) => all().find((box) => lines(box)[0] === name);
window.place = (name) => {
  const at = box(name).querySelector("rect").getBoundingClientRect();
  return { x: at.x, y: at.y, width: at.width, height: at.height };
};
window.shown = () => all().filter((box) => box.style.display !== "none").map((box) => lines(box)[0]);
window.share = () => root().querySelector(".share").textContent;
window.details = () => root().querySelector(".details").textContent;
window.style_of = (name) => { const style = getComputedStyle(box(name).querySelector("rect"));
  return style.fill + " " + style.fillOpacity; };
0
"""


def write(content, form="svg"):
    return subprocess.run([BUILD / "tests/profile/write_profile", content, form, "/src"], capture_output=True, check=True).stdout


class FlameGraph(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.path = pathlib.Path(cls.folder.name)
        for content in ("cpu", "heap", "deep", "wide", "empty"):
            (cls.path / f"{content}.svg").write_bytes(write(content))
        (cls.path / "diff.svg").write_bytes(write("cpu", "svg-diff"))
        (cls.path / "favicon.ico").touch()
        cls.browser = browser.Browser().__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.browser.__exit__()
        cls.folder.cleanup()

    def open(self, name, **how):
        url = name if "://" in name else (self.path / name).as_uri()
        page = self.browser.open(url, **how)
        page.run(HELPERS)
        self.addCleanup(self.check_quiet, page, url)
        return page

    def check_quiet(self, page, url):
        self.assertEqual(page.complaints, [])
        self.assertEqual([address for address in page.requests if not address.endswith("favicon.ico")], [url])

    def picture(self, page, name):
        if PICTURES is not None:
            page.picture(os.path.join(PICTURES, f"{name}.png"))

    def click(self, page, name):
        at = page.run(f"place({name!r})")
        page.click(at["x"] + at["width"] / 2, at["y"] + at["height"] / 2)

    def search(self, page, text):
        page.run("root().querySelector('input').focus(); root().querySelector('input').select()")
        page.call("Input.dispatchKeyEvent", type="keyDown", key="Delete", code="Delete", windowsVirtualKeyCode=46)
        page.write(text)
        return page.run("share()")

    # --- the file ---

    def test_it_is_well_formed_and_whole(self):
        for path in self.path.glob("*.svg"):
            tree = xml.etree.ElementTree.parse(path).getroot()
            self.assertEqual(tree.tag, SVG + "svg")
            self.assertEqual(len(list(tree.iter(SVG + "script"))), 1)
            self.assertEqual(len(list(tree.iter(SVG + "style"))), 1)
            text = path.read_text()
            for word in ("http://", "https://", "eval(", "Function(", "@import", "url(", "src=", "href="):
                kept = [part for part in text.split(word)[1:] if not part.startswith(("www.w3.org/2000/svg", "www.w3.org/1999/xhtml"))]
                self.assertEqual(kept, [], f"{path.name}: {word}")

    def test_names_are_escaped(self):
        page = self.open("cpu.svg")
        self.assertEqual(page.run(f"lines(box({NASTY!r}))[1]"), "plugin, /tmp/<&\">.c:1")
        self.assertEqual(page.run("root().querySelector('.title').textContent"), "title <&\"'> of a profile")

    # --- looks ---

    def test_light_dark_wide_narrow(self):
        seen = {}
        for name in ("cpu", "deep", "wide", "empty", "diff"):
            for dark in (False, True):
                for width in (1200, 400):
                    page = self.open(f"{name}.svg", width=width, height=500, dark=dark)
                    self.picture(page, f"{name}-{'dark' if dark else 'light'}-{width}")
                    self.assertEqual(page.run("root().getBoundingClientRect().width"), width)
                    self.assertEqual(page.run("document.documentElement.scrollWidth"), width)
                    seen[name, dark, width] = page.run("getComputedStyle(root()).backgroundColor + ' ' + "
                                                       "getComputedStyle(all()[0].querySelector('text')).fill")
        self.assertEqual(seen["cpu", False, 400], "rgb(255, 255, 255) rgb(28, 30, 33)")
        self.assertEqual(seen["cpu", True, 400], "rgb(21, 23, 27) rgb(236, 238, 241)")
        self.assertEqual(len(set(seen.values())), 2)

    def test_kinds_have_colours_and_a_legend(self):
        page = self.open("cpu.svg")
        colours = {name: page.run(f"style_of({name!r})")
                   for name in ("coupon.apply", "run_rules", "store_commit", "lj_str_find", "write", "(queue wait)")}
        self.assertEqual(len(set(colours.values())), len(colours))
        self.assertEqual(page.run("style_of('ordo_worker_main')"), colours["run_rules"])
        self.assertEqual(page.run("Array.from(root().querySelectorAll('.legend span'), (span) => span.textContent)"),
                         ["lua", "engine", "plugin", "runtime", "library", "kernel", "note"])
        page = self.open("heap.svg")
        self.assertEqual(page.run("Array.from(root().querySelectorAll('.legend span'), (span) => span.textContent)"),
                         ["lua", "engine"])

    def check_layout(self, page, width):
        self.assertAlmostEqual(page.run("place('coupon.apply').width"), width * 0.75, delta=1)
        self.assertAlmostEqual(page.run("place('ordo_json_parse').x"), width * 0.75, delta=1)
        self.assertEqual(page.run("""all().filter((box) => box.querySelector("text").getComputedTextLength() >
            Math.max(0, box.querySelector("rect").getBoundingClientRect().width - 4)).map((box) => lines(box)[0])"""), [])

    def test_it_adapts_to_the_window(self):
        page = self.open("cpu.svg", width=1200)
        self.check_layout(page, 1200)
        self.assertEqual(page.run("box('store_commit').querySelector('text').textContent"), "store_\u2026")
        page.resize(400, 800)
        page.settle()
        page.settle()
        self.check_layout(page, 400)
        self.assertEqual(page.run("box('store_commit').querySelector('text').textContent"), "")
        page.resize(3000, 800)
        page.settle()
        page.settle()
        self.check_layout(page, 3000)
        self.assertEqual(page.run("box('store_commit').querySelector('text').textContent"), "store_commit")
        self.assertLessEqual(page.run("document.documentElement.scrollWidth"), 3000)

    def test_deep_stacks_scroll_under_the_bar(self):
        page = self.open("deep.svg", width=800, height=400)
        height = page.run("root().getBoundingClientRect().height")
        self.assertGreater(height, 152 * 18)
        page.run("window.scrollTo(0, 1500)")
        page.settle()
        self.assertEqual(page.run("window.scrollY"), 1500)
        self.assertEqual(page.run("root().querySelector('.bar').getBoundingClientRect().top"), 0)
        page.run("window.scrollTo(0, 1e6)")
        page.settle()
        self.picture(page, "deep-scrolled")
        self.assertEqual(page.run("Math.round(place('leaf_4').y + place('leaf_4').height) <= innerHeight"), True)
        # Whoever goes there by keys sees where he is.
        self.click(page, "leaf_0")
        page.press("Escape")
        for _ in range(100):
            page.press("ArrowUp")
        self.assertEqual(page.run("lines(document.activeElement)[0]"), "level_50")
        self.assertGreaterEqual(page.run("place('level_50').y - root().querySelector('.bar').getBoundingClientRect().bottom"), -1)
        for _ in range(60):
            page.press("ArrowDown")
        self.assertLessEqual(page.run("place('level_110').y + place('level_110').height"), 401)

    def test_small_frames_are_put_together(self):
        page = self.open("wide.svg")
        self.assertEqual(page.run("all().length"), 1 + 3 + 1)
        self.assertEqual(page.run("lines(box('(2000 smaller)'))"),
                         ["(2000 smaller)", "leaf_0, leaf_1, leaf_2, leaf_3, leaf_4, ...", "20 s, 100.00 %"])

    # --- what one does with it ---

    def test_search_marks_and_tells_the_share(self):
        page = self.open("cpu.svg")
        self.assertEqual(self.search(page, "COUPON"), "matched: 75.00 %")
        self.picture(page, "search")
        self.assertEqual(page.run("all().filter((box) => box.matches('.hit')).map((box) => lines(box)[0])"), ["coupon.apply"])
        self.assertEqual(page.run("getComputedStyle(box('write')).opacity"), "0.35")
        self.assertEqual(page.run("getComputedStyle(box('coupon.apply')).opacity"), "1")
        self.assertEqual(self.search(page, "str_find|^parse"), "matched: 40.00 %")
        self.assertEqual(self.search(page, "coupon|str_find"), "matched: 75.00 %")  # one is inside the other
        self.assertEqual(self.search(page, "coupon|json"), "matched: 90.00 %")
        self.assertEqual(self.search(page, "known.lua:7"), "matched: 75.00 %")
        self.assertEqual(self.search(page, "nowhere"), "matched: 0.00 %")
        self.assertEqual(self.search(page, "("), "not a regular expression")
        self.assertEqual(page.run("root().querySelectorAll('.hit').length + root().matches('.searching')"), 0)
        self.assertEqual(self.search(page, ""), "")

    def expect_whole(self, page):
        self.assertEqual(len(page.run("shown()")), 12)
        self.assertAlmostEqual(page.run("place('coupon.apply').width"), 900, delta=1)
        self.assertEqual(page.run("root().querySelectorAll('.above').length"), 0)

    def test_zoom_and_reset(self):
        page = self.open("cpu.svg", width=1200)
        self.click(page, "coupon.apply")
        self.picture(page, "zoom")
        self.assertEqual(page.run("shown()"), ["all", "ordo_worker_main", "run_rules", "coupon.apply", "lj_str_find"])
        for name in ("all", "ordo_worker_main", "run_rules", "coupon.apply"):
            self.assertAlmostEqual(page.run(f"place({name!r}).width"), 1200, delta=1)
        self.assertAlmostEqual(page.run("place('lj_str_find').width"), 400, delta=1)
        self.assertEqual(page.run("all().filter((box) => box.matches('.above')).length"), 3)
        self.assertEqual(self.search(page, "find"), "matched: 25.00 %")  # of the whole
        at = page.run("(at => ({x: at.x + 5, y: at.y + 5}))(root().querySelector('button').getBoundingClientRect())")
        page.click(at["x"], at["y"])
        self.expect_whole(page)
        self.assertEqual(page.run("root().querySelector('input').value + share()"), "")
        self.click(page, "write")
        self.assertEqual(len(page.run("shown()")), 5)
        self.click(page, "store_commit")  # outwards, by one that is above
        self.assertEqual(len(page.run("shown()")), 5)
        self.click(page, "ordo_worker_main")
        self.assertEqual(len(page.run("shown()")), 12)

    def test_details_of_what_is_pointed_at(self):
        page = self.open("cpu.svg", width=1200)
        resting = page.run("details()")
        at = page.run("place('coupon.apply')")
        page.move(at["x"] + 5, at["y"] + 5)
        self.assertEqual(page.run("details()"), "coupon.apply  lua, /src/tests/profile/known.lua:7 (67 %), :11 (33 %)"
                                                "750 ms, 75.00 %; itself 500 ms, 50.00 %")
        page.move(5, 5)
        self.assertEqual(page.run("details()"), resting)

    def test_keys_are_enough(self):
        page = self.open("cpu.svg", width=1200)
        focused = "lines(document.activeElement)[0]"
        page.press("Tab")
        self.assertEqual(page.run(focused), "all")
        for key, name in (("ArrowDown", "ordo_worker_main"), ("ArrowDown", "run_rules"), ("ArrowRight", "ordo_json_parse"),
                          ("ArrowRight", "store_commit"), ("ArrowLeft", "ordo_json_parse"), ("ArrowDown", "parse_number"),
                          ("ArrowDown", "parse_number"), ("ArrowLeft", "coupon.apply"), ("ArrowUp", "run_rules"),
                          ("ArrowDown", "coupon.apply")):
            page.press(key)
            self.assertEqual(page.run(focused), name)
        self.assertIn("known.lua:7 (67 %)", page.run("details()"))
        self.assertEqual(page.run("getComputedStyle(document.activeElement.querySelector('rect')).strokeWidth"), "3px")
        self.picture(page, "focus")
        page.press("Enter", "\r")
        self.assertEqual(len(page.run("shown()")), 5)
        self.assertEqual(page.run(focused), "coupon.apply")
        page.press("Escape")
        self.expect_whole(page)
        page.press("/", "/")
        page.write("parse")
        self.assertEqual(page.run("root().querySelector('input').value"), "parse")
        self.assertEqual(page.run("share()"), "matched: 15.00 %")
        page.press("Tab")
        self.assertEqual(page.run("document.activeElement.textContent"), "reset")
        page.press("Escape")
        self.assertEqual(page.run("root().querySelector('input').value + share()"), "")

    # --- comparing ---

    def test_comparison(self):
        page = self.open("diff.svg", width=1200)
        self.assertEqual(page.run("lines(box('coupon.apply'))[2]"), "350 \u00b5s before, 375 \u00b5s after: +25 \u00b5s (+7.1 %)")
        self.assertEqual(page.run("lines(box('old_parse'))[2]"), "200 \u00b5s before, 0 after: -200 \u00b5s")
        self.assertEqual(page.run("lines(box('write'))[2]"), "0 before, 25 \u00b5s after: +25 \u00b5s")
        self.assertEqual(page.run("box('coupon.apply').getAttribute('class')"), "f k-more s-1")
        self.assertEqual(page.run("box('old_parse').getAttribute('class')"), "f k-less s-4")
        self.assertEqual(page.run("style_of('write')"), "rgb(255, 129, 118) 1")
        self.assertEqual(page.run("style_of('coupon.apply')"), "rgb(255, 129, 118) 0.25")
        self.assertEqual(page.run("style_of('old_parse')"), "rgb(120, 174, 245) 1")
        # What is gone and what is new both have a place: 1,100 us of the larger of both.
        self.assertAlmostEqual(page.run("place('old_parse').width"), 1200 * 200 / 1100, delta=1)
        self.assertAlmostEqual(page.run("place('write').width"), 1200 * 25 / 1100, delta=1)
        self.click(page, "ordo_json_parse")
        self.assertEqual(page.run("shown()"), ["all", "ordo_worker_main", "ordo_json_parse", "old_parse", "parse_number"])

    # --- where it may stand ---

    def test_two_in_one_page(self):
        page_path = self.path / "page.html"
        page_path.write_text("<!doctype html><meta charset=utf-8><title>t</title><body style='margin: 0 0 0 20px'>"
                             "<div class=title id=own>own</div>"
                             f"{(self.path / 'cpu.svg').read_text()}<p>between</p>{(self.path / 'diff.svg').read_text()}</body>")
        page = self.open("page.html", width=1000, height=900)
        self.picture(page, "page")
        self.assertEqual(page.run("document.querySelectorAll('.ordo-flame').length"), 2)
        self.assertEqual(page.run("root().getBoundingClientRect().width"), 980)
        self.assertEqual(page.run("getComputedStyle(own).fontSize"), "16px")
        self.assertEqual(page.run(f"lines(box({NASTY!r}))[1]"), "plugin, /tmp/<&\">.c:1")
        self.click(page, "coupon.apply")
        self.assertEqual(len(page.run("shown()")), 5)
        self.assertEqual(self.search(page, "coupon"), "matched: 75.00 %")
        page.run("window.graph = 1")
        self.assertEqual(page.run("shown().length"), page.run("all().length"))
        self.assertEqual(page.run("share()"), "")
        self.click(page, "run_rules")
        self.assertEqual(page.run("shown()"), ["all", "ordo_worker_main", "run_rules", "coupon.apply", "lj_str_find", "old_parse"])
        page.run("window.graph = 0")
        self.assertEqual(len(page.run("shown()")), 5)

    def test_the_bar_follows_when_the_page_above_grows(self):
        (self.path / "above.html").write_text(
            "<!doctype html><style>html { overflow-anchor: none } body { margin: 0 } div.above { height: calc(2000px - 100vw) }"
            f"</style><body><div class=above></div>{(self.path / 'deep.svg').read_text()}</body>")
        page = self.open("above.html", width=1000, height=500)
        page.run("window.scrollTo(0, 2000)")
        page.settle()
        self.assertEqual(page.run("Math.round(root().querySelector('.bar').getBoundingClientRect().top)"), 0)
        page.resize(600, 500)
        page.settle()
        page.settle()
        self.assertEqual(page.run("Math.round(root().querySelector('.bar').getBoundingClientRect().top)"), 0)

    def test_from_a_server(self):
        class Quiet(http.server.SimpleHTTPRequestHandler):
            def __init__(self, *arguments):
                super().__init__(*arguments, directory=FlameGraph.folder.name)

            def log_message(self, *_):
                pass

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            try:
                page = self.open(f"http://127.0.0.1:{server.server_port}/cpu.svg")
                self.assertEqual(self.search(page, "coupon"), "matched: 75.00 %")
            finally:
                server.shutdown()
                thread.join()

    def test_without_its_script(self):
        """As a picture of a page: complete, though nothing moves."""
        (self.path / "image.html").write_text("<!doctype html><body style='margin:0'><img src=cpu.svg style='width:100%'>")
        page = self.browser.open((self.path / "image.html").as_uri(), width=900, height=400)
        self.picture(page, "image")
        self.assertEqual(page.run("document.images[0].complete && document.images[0].naturalHeight > 200"), True)
        self.assertEqual(page.complaints, [])


if __name__ == "__main__":
    if browser.PROGRAM is None:
        print("chromium is not installed; `./dev packages` brings it")
        sys.exit(77)
    unittest.main(verbosity=2)
