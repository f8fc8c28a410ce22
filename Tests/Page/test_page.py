"""The page in Chromium, with real mouse, touch and key events, on a real cluster with the embedded model.

    python3 Tests/Page/test_page.py PROGRAM [--pictures FOLDER]
"""
import base64
import json
import math
import os
import re
import sys
import tempfile
import time
import unittest
from pathlib import Path

from browser import ALT, SHIFT, Browser, chromium
from cluster import Cluster

HERE = Path(__file__).resolve().parent
SAMPLES = HERE.parent.parent / "Sources/chatspot/Resources/samples"
SCENES = {scene["file"]: scene for scene in json.loads((SAMPLES / "samples.json").read_text())["samples"]}
SCENE = SCENES["scene-03.png"]
PROGRAM = PICTURES = None


def thing(name, scene=SCENE):
    return next(each for each in scene["objects"] if each["name"] == name)


class PageTest(unittest.TestCase):
    arguments = ()
    key = None

    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(PROGRAM, *cls.arguments, key=cls.key)
        cls.addClassCleanup(cls.cluster.close)
        cls.browser = Browser(chromium())
        cls.addClassCleanup(cls.browser.close)

    def setUp(self):
        self.browser.problems.clear()
        self.browser.requests.clear()
        self.browser.screen(1280, 800)
        self.browser.open(self.cluster.url + "/")

    def tearDown(self):
        self.assertEqual(self.browser.problems, [])
        for _, request in self.browser.requests:
            self.assertTrue(request["url"].startswith((self.cluster.url, "blob:", "data:")), request["url"])

    # ------------------------------------------------------------ what one does with the page

    def open_sample(self, number=1):
        self.browser.click_on(f"#samples li:nth-child({number}) button")
        self.browser.wait("!!document.querySelector('.surface')")
        self.browser.settle()

    def at(self, x, y):
        """A place of the picture on the screen."""
        left, top, width, height = self.browser.box(".surface")
        across, down = self.browser.evaluate(
            "(() => { const i = document.querySelector('.frame img'); return [i.naturalWidth, i.naturalHeight]; })()")
        return left + x * width / across, top + y * height / down

    def click_picture(self, x, y, **options):
        self.browser.click(*self.at(x, y), **options)

    def drag_picture(self, *places, **options):
        self.browser.drag(*[self.at(*place) for place in places], **options)

    def write(self, text):
        self.browser.evaluate("document.querySelector('#question').select(); document.querySelector('#question').focus()")
        self.browser.type(text)

    def answer(self, number=1):
        """The text of an answer that has come to its end."""
        selector = f"#transcript .turn:nth-child({number}) .answer"
        self.browser.wait(f"document.querySelector('{selector}')?.ariaBusy === 'false'")
        return self.browser.text(f"{selector} .text").strip()

    def sent(self):
        """Bodies of the questions that were sent."""
        return [
            json.loads(self.browser.call("Network.getRequestPostData", requestId=name)["postData"])
            for name, request in self.browser.requests if request["url"].endswith("/v1/chat/completions")]

    def regions_sent(self):
        return [part["region"] for part in self.sent()[-1]["messages"][-1]["content"] if part["type"] == "region"]

    def assertNear(self, got, wanted, within=2.5):
        self.assertEqual(len(got), len(wanted))
        for a, b in zip(got, wanted):
            self.assertAlmostEqual(a, b, delta=within, msg=f"{got}, not {wanted}")

    def marks(self):
        return self.browser.evaluate(
            "[...document.querySelectorAll('.mark')].map(m => m.getAttribute('aria-label'))")

    def assertMarks(self, *wanted):
        """Descriptions of all marks; screen pixels are not quite the picture's."""
        got = self.marks()
        for form in (got, wanted):
            self.assertEqual([re.sub(r"[0-9]+", "0", text) for text in form], [re.sub(r"[0-9]+", "0", text) for text in wanted])
        numbers = [[int(n) for text in form for n in re.findall("[0-9]+", text)] for form in (got, wanted)]
        self.assertNear(*numbers, within=2)

    def picture(self, name):
        if PICTURES:
            time.sleep(0.3)
            self.browser.screenshot(PICTURES / f"{name}.png")


class Asking(PageTest):
    def test_pure_parts(self):
        self.assertEqual(self.browser.evaluate((HERE / "units.js").read_text()), [])

    def test_click_and_read_the_answer_then_drag_and_read_the_next(self):
        self.open_sample()
        ring, text = thing("a large red ring"), thing("orange text BOX")
        self.click_picture(*ring["point"])
        self.assertEqual(self.browser.evaluate("document.querySelector('#question').value"), "What is at [1]?")
        self.picture("question")
        self.browser.key("Enter")
        self.assertEqual(self.answer(1), ring["answers"]["point"])
        self.assertNear(self.regions_sent()[0]["point"], ring["point"])
        x1, y1, x2, y2 = text["box"]
        self.drag_picture((x2, y2), (x1, y1))
        self.browser.click_on("#ask")
        self.assertEqual(self.answer(2), text["answers"]["box"])
        self.assertNear(self.regions_sent()[0]["box"], text["box"])
        for body in self.sent():
            images = [part for message in body["messages"] for part in message["content"] if part["type"] == "image_url"]
            self.assertEqual(len(images), 1)
            self.assertEqual(
                images[0]["image_url"]["url"],
                "data:image/png;base64," + base64.b64encode((SAMPLES / "scene-03.png").read_bytes()).decode())
        self.picture("answers")

    def test_conversation_goes_on(self):
        self.open_sample()
        self.browser.click_on(".options summary")
        self.browser.click_on("#remembers")
        self.click_picture(*thing("a large red ring")["point"])
        self.browser.key("Enter")
        self.answer(1)
        self.write("What color is it?")
        self.browser.key("Enter")
        self.assertEqual(self.answer(2), "red")
        self.assertEqual([message["role"] for message in self.sent()[-1]["messages"]], ["user", "assistant", "user"])
        self.browser.click_on("#new")
        self.assertEqual(self.browser.text("#transcript"), "")
        self.assertEqual(self.marks(), [])

    def test_places_in_answers_are_drawn(self):
        self.open_sample()
        self.write("Where is a large cyan circle?")
        self.browser.key("Enter")
        self.assertIn("A", self.answer(1))
        wanted = thing("a large cyan circle")["box"]
        left, top = self.at(0, 0)
        right, _ = self.at(SCENE["width"], 0)
        scale = SCENE["width"] / (right - left)
        x, y, width, height = self.browser.box(".found .line")
        got = [(x - left) * scale, (y - top) * scale, (x - left + width) * scale, (y - top + height) * scale]
        self.assertNear(got, wanted, within=20)
        self.browser.click_on(".place")
        self.browser.wait("!!document.querySelector('.found.lit')")
        self.picture("place")
        self.browser.mouse("mouseMoved", 10, 10)
        self.browser.evaluate("document.activeElement.blur()")
        self.browser.wait("!document.querySelector('.found.lit')")

    def test_numbers_in_the_text_are_regions_in_their_order(self):
        self.open_sample()
        ring, cross = thing("a large red ring"), thing("a small red cross")
        self.click_picture(*ring["point"])
        self.click_picture(*cross["point"])
        self.write("Is ② like [1] or [3]?")
        self.browser.key("Enter")
        self.answer(1)
        content = self.sent()[0]["messages"][0]["content"]
        self.assertEqual([part["type"] for part in content], ["image_url", "text", "region", "text", "region", "text"])
        self.assertEqual([part["text"] for part in content if "text" in part], ["Is ", " like ", " or [3]?"])
        self.assertNear(content[2]["region"]["point"], cross["point"])
        self.assertNear(content[4]["region"]["point"], ring["point"])

    def test_outline(self):
        self.open_sample()
        cross = thing("a medium pink cross")
        x1, y1, x2, y2 = cross["box"]
        corners = [(x1, y1), (x2, y1), (x2, y2), (x1, y2)]
        self.drag_picture(*corners, (x1, y1), modifiers=ALT)
        self.browser.key("Enter")
        self.assertEqual(self.answer(1), cross["name"])
        self.assertNear([n for corner in self.regions_sent()[0]["polygon"][:3] for n in corner],
                        [n for corner in corners[:3] for n in corner], within=6)
        self.browser.click_on(".remove")
        self.browser.click_on("input[value=outline] + span")
        for corner in corners:
            self.click_picture(*corner)
        self.browser.click(*self.at(*corners[0]))
        self.assertEqual(len(self.marks()), 1)
        self.browser.click_on("#ask")
        self.assertEqual(self.answer(2), cross["name"])
        self.assertEqual(len(self.regions_sent()[0]["polygon"]), 4)

    def test_stop_ends_the_query_at_the_server(self):
        self.open_sample()
        ring = thing("a large red ring")
        self.click_picture(*ring["point"])
        with self.cluster.suspended():
            self.browser.key("Enter")
            self.browser.wait("!document.querySelector('#stop').hidden")
            self.until(lambda q: q["running"] + q["waiting"] == 1)
            self.browser.click_on("#stop")
            self.assertEqual(self.answer(1), "")
            self.assertIn("Stopped.", self.browser.text("#transcript"))
            self.assertTrue(self.browser.evaluate("!document.querySelector('#ask').hidden"))
            self.until(lambda q: q["running"] + q["waiting"] == 0)
        self.write("What is at [1]?")
        self.browser.key("Enter")
        self.assertEqual(self.answer(2), ring["answers"]["point"])
        # What was stopped without a word is no part of the conversation.
        self.assertEqual(len(self.sent()[-1]["messages"]), 1)

    def until(self, condition):
        end = time.monotonic() + 5
        while not condition(self.cluster.status()["queries"]):
            self.assertLess(time.monotonic(), end, self.cluster.status()["queries"])
            time.sleep(0.05)

    def test_refusals_are_told_with_their_remedy(self):
        self.browser.click_on("#samples li[data-name='scene-07-wide.png'] button")
        self.browser.wait("!!document.querySelector('.surface')")
        self.click_picture(3, 200)
        self.browser.key("Enter")
        self.answer(1)
        alert = self.browser.text("[role=alert]")
        self.assertIn("Move the mark", alert)
        heart = SCENES["scene-07-wide.png"]["objects"][0]
        self.drag_picture((3, 200), heart["point"])
        self.browser.click_on(".failure button")
        self.assertEqual(self.answer(1), heart["answers"]["point"])
        self.assertIsNone(self.browser.text("[role=alert]"))

    def test_export(self):
        with tempfile.TemporaryDirectory() as folder:
            self.browser.call("Page.setDownloadBehavior", behavior="allow", downloadPath=folder)
            self.open_sample()
            ring = thing("a large red ring")
            self.click_picture(*ring["point"])
            self.browser.key("Enter")
            self.answer(1)
            self.browser.click_on("#export")
            end = time.monotonic() + 10
            while not (files := list(Path(folder).glob("*.json"))):
                self.assertLess(time.monotonic(), end, "nothing was saved")
                time.sleep(0.05)
            exported = json.loads(files[0].read_text())
        question, answer = exported["messages"]
        self.assertEqual(question["content"], self.sent()[0]["messages"][0]["content"])
        self.assertEqual((answer["content"], answer["finish_reason"]), (ring["name"], "stop"))
        self.assertEqual((exported["model"], exported["image"]["width"]), ("mini-chatspot", SCENE["width"]))


class Marking(PageTest):
    def test_marks_are_moved_and_resized_with_the_mouse(self):
        self.open_sample()
        self.drag_picture((100, 100), (200, 220))
        self.assertMarks("Mark 1: box from 100, 100 to 200, 220")
        self.drag_picture((200, 220), (300, 300))
        self.assertMarks("Mark 1: box from 100, 100 to 300, 300")
        self.drag_picture((150, 100), (250, 150))
        self.assertMarks("Mark 1: box from 200, 150 to 400, 350")

    def test_marks_are_changed_and_removed_with_keys(self):
        self.open_sample()
        self.drag_picture((100, 100), (200, 220))
        self.click_picture(500, 500)
        self.browser.evaluate("document.querySelector('.mark[data-number=\"1\"]').focus()")
        self.browser.key("ArrowRight")
        self.browser.key("ArrowDown", SHIFT)
        self.assertMarks("Mark 1: box from 107, 100 to 207, 227", "Mark 2: point at 500, 500")
        self.browser.key("Delete")
        self.assertMarks("Mark 2: point at 500, 500")
        self.assertEqual(self.browser.evaluate("document.activeElement.dataset.number"), "2")
        self.browser.key("Backspace")
        self.assertEqual(self.marks(), [])
        self.assertTrue(self.browser.evaluate("document.activeElement.matches('.surface')"))

    def test_marks_are_made_with_keys(self):
        self.open_sample()
        self.browser.evaluate("document.querySelector('.surface').focus()")
        for key in ("ArrowLeft", "ArrowLeft", "ArrowUp"):
            self.browser.key(key)
        self.browser.key("Enter")
        self.assertMarks("Mark 1: point at 329, 329")
        self.browser.key("Enter")
        self.assertEqual(self.browser.evaluate("document.activeElement.id"), "question")
        self.browser.key("Enter")
        self.answer(1)
        self.assertEqual(self.regions_sent(), [{"point": [329, 329]}])

    def test_escape_puts_back(self):
        self.open_sample()
        self.drag_picture((100, 100), (200, 220))
        x, y = self.at(150, 100)
        self.browser.mouse("mousePressed", x, y, 1)
        self.browser.mouse("mouseMoved", x + 60, y + 60, 1)
        self.assertNotIn("from 100, 100", self.marks()[0])
        self.browser.key("Escape")
        self.browser.mouse("mouseReleased", x + 60, y + 60)
        self.assertMarks("Mark 1: box from 100, 100 to 200, 220")

    def give(self, kind, data, name, media="image/png"):
        """Drops or pastes a file; what the system's own windows would do."""
        self.browser.evaluate(f"""(() => {{
          const bytes = Uint8Array.from(atob('{base64.b64encode(data).decode()}'), (c) => c.charCodeAt(0));
          const files = new DataTransfer();
          files.items.add(new File([bytes], '{name}', {{ type: '{media}' }}));
          const options = {{ bubbles: true, cancelable: true, dataTransfer: files, clipboardData: files }};
          document.querySelector('#stage').dispatchEvent('{kind}' === 'drop'
            ? new DragEvent('drop', options) : new ClipboardEvent('paste', options)); }})()""")

    def test_pictures_are_dropped_pasted_and_chosen(self):
        self.give("drop", (SAMPLES / "scene-06.jpg").read_bytes(), "scene-06.jpg", "image/jpeg")
        self.browser.wait("document.querySelector('#picture-name').innerText.startsWith('scene-06.jpg')")
        self.click_picture(20, 20)
        self.give("paste", (SAMPLES / "scene-20.png").read_bytes(), "scene-20.png")
        self.browser.wait("document.querySelector('#picture-name').innerText.startsWith('scene-20.png')")
        self.assertEqual(self.marks(), [])
        root = self.browser.call("DOM.getDocument")["root"]["nodeId"]
        field = self.browser.call("DOM.querySelector", nodeId=root, selector="#file")["nodeId"]
        self.browser.call("DOM.setFileInputFiles", nodeId=field, files=[str(SAMPLES / "scene-22.png")])
        self.browser.wait("document.querySelector('#picture-name').innerText.startsWith('scene-22.png')")

    def test_what_is_no_picture_is_said(self):
        self.give("drop", b"no picture", "notes.txt", "text/plain")
        self.browser.wait("document.querySelector('#status').innerText === 'notes.txt cannot be shown as a picture.'")


class Looking(PageTest):
    # Relative luminance and contrast as WCAG 2.2 defines them; 1 where text has no box.
    CONTRAST = """(() => {
      const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
      const rgb = (colour) => {
        canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
        return canvas.getImageData(0, 0, 1, 1).data; };
      const light = (c) => [0.2126, 0.7152, 0.0722].reduce((sum, weight, i) => {
        const v = c[i] / 255; return sum + weight * (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); }, 0);
      const ground = (e) => { for (; e; e = e.parentElement) {
        const c = rgb(getComputedStyle(e).backgroundColor); if (c[3] === 255) return c; } return [255, 255, 255]; };
      const poor = [];
      for (const e of document.querySelectorAll('body *')) {
        const text = [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
        if (!text || e.closest(':disabled, svg, .behind, .unseen') || !e.checkVisibility()) continue;
        const [a, b] = [light(rgb(getComputedStyle(e).color)), light(ground(e))].sort((x, y) => y - x);
        const contrast = (a + 0.05) / (b + 0.05);
        if (contrast < 4.5) poor.push(`${e.tagName}.${e.className} ${e.textContent.slice(0, 20)}: ${contrast.toFixed(2)}`);
      }
      return poor; })()"""

    def conversation(self):
        self.open_sample()
        self.write("Where is a large cyan circle?")
        self.browser.key("Enter")
        self.answer(1)
        self.click_picture(*thing("a large red ring")["point"])
        self.browser.key("Enter")
        self.answer(2)
        x1, y1, x2, y2 = thing("orange text BOX")["box"]
        self.drag_picture((x1, y1), (x2, y2))
        self.write("Read the text in [2].")
        self.browser.key("Enter")
        self.answer(3)
        self.drag_picture(*[(177 + 96 * math.cos(turn / 5), 333 + 96 * math.sin(turn / 5)) for turn in range(32)],
                          modifiers=ALT)

    def test_contrast_light_and_dark(self):
        self.assertEqual(self.browser.evaluate(self.CONTRAST), [])
        for dark in (False, True):
            self.browser.screen(1280, 800, dark=dark)
            self.browser.open(self.cluster.url + "/")
            self.conversation()
            self.browser.wait("document.querySelectorAll('.member').length === 3")
            self.assertEqual(self.browser.evaluate(self.CONTRAST), [])
            ground = self.browser.evaluate("getComputedStyle(document.body).backgroundColor")
            self.assertEqual(max(map(int, ground[4:-1].split(","))) < 80, dark, ground)
            self.picture("dark" if dark else "light")

    def test_phone(self):
        self.browser.screen(390, 844, touch=True, scale=2)
        self.browser.open(self.cluster.url + "/")
        self.picture("phone-welcome")
        x, y, width, height = self.browser.box("#samples li:first-child button")
        self.browser.touch((x + width / 2, y + height / 2))
        self.browser.wait("!!document.querySelector('.surface')")
        self.browser.settle()
        ring = thing("a large red ring")
        self.browser.touch(self.at(*ring["point"]))
        x1, y1, x2, y2 = thing("orange text BOX")["box"]
        self.browser.touch(self.at(x1, y1), self.at(x2, y2))
        self.assertEqual(len(self.marks()), 2)
        # No keyboard covers the picture, and the question is in reach.
        self.assertNotEqual(self.browser.evaluate("document.activeElement.id"), "question")
        self.picture("phone")
        x, y, width, height = self.browser.box("#ask")
        self.assertLessEqual(y + height, 844)
        self.browser.touch((x + width / 2, y + height / 2))
        self.assertEqual(self.answer(1), "orange text BOX")
        self.browser.settle()
        self.picture("phone-answer")
        wide = self.browser.evaluate("document.documentElement.scrollWidth")
        self.assertLessEqual(wide, 390)
        x, y, width, height = self.browser.box(".remove")
        self.browser.touch((x + width / 2, y + height / 2))
        self.assertEqual(len(self.marks()), 1)

    def test_everything_that_takes_the_focus_has_a_name(self):
        self.conversation()
        self.browser.click_on(".options summary")
        self.browser.wait("document.querySelectorAll('.member').length === 3")
        nodes = self.browser.call("Accessibility.getFullAXTree")["nodes"]
        roles = {"button", "textbox", "checkbox", "radio", "spinbutton", "meter", "region", "log", "application", "group"}
        shown = [node for node in nodes if not node["ignored"]]
        unnamed = [
            node["role"]["value"] for node in shown
            if node["role"]["value"] in roles - {"group"} and not node.get("name", {}).get("value")]
        self.assertEqual(unnamed, [])
        names = {(node["role"]["value"], node["name"]["value"]) for node in shown if "name" in node}
        for wanted in (("button", "Ask"), ("textbox", "Question"), ("region", "Pipeline"), ("meter", "worker-1 busy")):
            self.assertIn(wanted, names)

    def test_pipeline_is_shown_and_rests_while_hidden(self):
        self.browser.wait("document.querySelectorAll('.member').length === 3")
        self.assertIn("layers 0–1", self.browser.text("#stages"))
        self.assertIn("layers 2–3", self.browser.text("#stages"))
        self.assertEqual(self.browser.text("#model"), "mini-chatspot")
        polls = lambda: len([1 for _, request in self.browser.requests if request["url"].endswith("/cluster")])
        before = polls()
        time.sleep(2.4)
        self.browser.settle()
        self.assertIn(polls() - before, (2, 3))
        self.browser.evaluate(
            "Object.defineProperty(document, 'hidden', { value: true, configurable: true });"
            "document.dispatchEvent(new Event('visibilitychange'))")
        before = polls()
        time.sleep(1.6)
        self.browser.settle()
        self.assertEqual(polls(), before)
        self.browser.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
        self.browser.settle()
        self.assertGreater(polls(), before)


class Guarded(PageTest):
    """A server that asks for a key and takes small requests alone."""

    key = "a-key-of-the-test-0123456789"
    arguments = ("--body-limit", "40000")

    @classmethod
    def setUpClass(cls):
        os.environ["CHATSPOT_API_KEYS"] = cls.key
        try:
            super().setUpClass()
        finally:
            del os.environ["CHATSPOT_API_KEYS"]

    def test_key_is_asked_for_and_large_pictures_are_made_smaller(self):
        self.browser.wait("document.querySelector('#key-dialog').open")
        self.browser.evaluate("document.querySelector('#key').focus()")
        self.browser.type("wrong")
        self.browser.key("Enter")
        self.browser.wait("document.querySelector('#key-reason').innerText.includes('not one of')")
        self.browser.wait("document.querySelector('#key-dialog').open")
        self.picture("key")
        self.browser.evaluate("document.querySelector('#key').focus()")
        self.browser.type(self.key)
        self.browser.key("Enter")
        self.browser.wait("document.body.dataset.server === 'ready'")
        self.open_sample()
        ring = thing("a large red ring")
        self.click_picture(*ring["point"])
        self.browser.key("Enter")
        self.assertEqual(self.answer(1), ring["answers"]["point"])
        self.assertGreater(len(self.sent()), 1)
        scale = self.regions_sent()[0]["point"][0] / ring["point"][0]
        self.assertLess(scale, 0.8)
        self.write("Where is a large red ring?")
        self.browser.key("Enter")
        self.answer(2)
        numbers = self.browser.evaluate("document.querySelector('.place').ariaLabel.match(/[0-9]+/g).map(Number)")
        self.assertNear(numbers, ring["box"], within=20)


if __name__ == "__main__":
    PROGRAM, *rest = sys.argv[1:]
    if rest[:1] == ["--pictures"]:
        PICTURES = Path(rest[1])
        PICTURES.mkdir(parents=True, exist_ok=True)
        rest = rest[2:]
    unittest.main(argv=[sys.argv[0], *rest])
