// Runs in every page before its own scripts: remembers what is written on canvases, and measures what a person
// would read. `boardPictures.settled()` and `boardPictures.measured()` are asked by board_pictures.py.
(() => {
  if (window.boardPictures) return;
  const WRITTEN = Symbol("what is written on a canvas");
  const PANEL = 'section[data-testid^="data-testid Panel header"]';
  const BUSY = ':scope > div:first-child [role="status"], [data-testid="Spinner"]'; // its name is in the user's language
  const FAILED = '[data-testid="data-testid Panel status error"]';
  const LOOK_EVERY_MS = 100;
  const CALM_LOOKS = 3; // in a row, alike
  const TOLERANCE_PX = 1; // what rounding may do
  const READABLE_PX = 10; // Grafana's own smallest letters have 12; what is squeezed to fit may have 4
  const AT_THE_EDGE = 0.4; // of a text: the last hour below a chart may lose its end, as nobody needs it
  const FRAME_PX = 16; // of a panel, above its title
  const BARE_LINE = 0.2; // of a line of text, above and below its letters

  // --- What is on its way: a panel shows that it loads only a while after it has asked ---

  const { fetch } = window;
  let underway = 0;

  window.fetch = (...asked) => {
    underway += 1;
    return fetch(...asked).finally(() => (underway -= 1));
  };

  // --- Canvases: Grafana's charts write their axes and their bars' values there ---

  const context = CanvasRenderingContext2D.prototype;
  const fillText = context.fillText;
  const clearRect = context.clearRect;

  context.fillText = function (text, x, y, ...rest) {
    const { width, actualBoundingBoxLeft: left, actualBoundingBoxRight: right, actualBoundingBoxAscent: up,
      actualBoundingBoxDescent: down } = this.measureText(text);
    const corners = [[x - left, y - up], [x + right, y - up], [x + right, y + down], [x - left, y + down]];
    const shape = corners.map(([across, along]) => new DOMPoint(across, along).matrixTransform(this.getTransform()));
    const { width: w, height: h } = this.canvas;
    if (width > 0) (this.canvas[WRITTEN] ??= []).push({ text: String(text), shape, w, h });
    return fillText.call(this, text, x, y, ...rest);
  };

  context.clearRect = function (x, y, width, height) {
    if (width >= this.canvas.width && height >= this.canvas.height) this.canvas[WRITTEN] = [];
    return clearRect.call(this, x, y, width, height);
  };

  function writtenOn(canvas) {
    const frame = canvas.getBoundingClientRect();
    const across = frame.width / canvas.width, along = frame.height / canvas.height;
    return (canvas[WRITTEN] ?? [])
      .filter(({ w, h, text }) => w === canvas.width && h === canvas.height && text.trim()) // else wiped by a new size
      .map(({ text, shape }) => ({
        text: text.trim(),
        shape: shape.map(({ x, y }) => ({ x: frame.left + x * across, y: frame.top + y * along })),
        frame,
      }));
  }

  function shareInside({ shape, frame }) {
    const [xs, ys] = [shape.map(({ x }) => x), shape.map(({ y }) => y)];
    const share = (of, from, to) => {
      const [first, last] = [Math.min(...of), Math.max(...of)];
      return Math.max(0, Math.min(last, to) - Math.max(first, from)) / (last - first);
    };
    return share(xs, frame.left, frame.right) * share(ys, frame.top, frame.bottom);
  }

  // --- Texts of the page ---

  function* ancestors(element, last) {
    for (let one = element; one; one = one.parentElement) {
      yield one;
      if (one === last) return;
    }
  }

  const isSeen = (element) => element.checkVisibility({ opacityProperty: true, visibilityProperty: true });

  function textsIn(panel) {
    const found = [];
    const walker = document.createTreeWalker(panel, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const element = node.parentElement, text = node.data.trim();
      if (!text || !element || ["STYLE", "SCRIPT"].includes(element.tagName) || !isSeen(element)) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      const lines = [...range.getClientRects()].filter((line) => line.width > 0 && line.height > 0);
      if (lines.length) found.push({ text, element, lines });
    }
    return found;
  }

  /** What of an element its ancestors let one see: {across, along}, each of "seen", "cut", "scrolled" or "hidden". */
  function fate(element, line, panel) {
    const bare = line.height * BARE_LINE;
    const end = { across: "seen", along: "seen" };
    for (const one of ancestors(element, panel)) {
      const style = getComputedStyle(one), box = one.getBoundingClientRect();
      if (style.display === "contents" || style.display === "inline") continue;
      if (style.overflowX !== "visible" && (box.width <= 2 || box.height <= 2)) return { across: "hidden", along: "hidden" };
      const across = line.left < box.left - TOLERANCE_PX || line.right > box.right + TOLERANCE_PX;
      const along = line.top + bare < box.top - TOLERANCE_PX || line.bottom - bare > box.bottom + TOLERANCE_PX;
      if (across && end.across === "seen") end.across = outcome(style.overflowX, one === panel);
      if (along && end.along === "seen") end.along = outcome(style.overflowY, one === panel);
    }
    return end;
  }

  function outcome(overflow, isPanel) {
    if (overflow === "auto" || overflow === "scroll") return "scrolled";
    if (overflow === "hidden" || overflow === "clip") return "cut";
    return isPanel ? "cut" : "seen";
  }

  function isShortened(element) {
    const { textOverflow, overflowX } = getComputedStyle(element);
    return textOverflow === "ellipsis" && overflowX !== "visible" && element.scrollWidth > element.clientWidth + TOLERANCE_PX;
  }

  function isUnder(text, line) {
    const [x, y] = [line.left + line.width / 2, line.top + line.height / 2];
    for (const one of document.elementsFromPoint(x, y)) {
      if (one.contains(text.element) || text.element.contains(one)) return false;
      const { backgroundColor, opacity } = getComputedStyle(one);
      const alpha = backgroundColor === "transparent" ? 0 : Number(/rgba\(.*,\s*([\d.]+)\)/.exec(backgroundColor)?.[1] ?? 1);
      if (alpha * Number(opacity) > 0.5) return true;
    }
    return false;
  }

  // --- Shapes: corners in order, so that slanted texts of an axis are judged as they lie ---

  function cornersOf(line) {
    const bare = line.height * BARE_LINE;
    const [top, bottom] = [line.top + bare, line.bottom - bare];
    return [{ x: line.left, y: top }, { x: line.right, y: top }, { x: line.right, y: bottom }, { x: line.left, y: bottom }];
  }

  function overlap(one, other) {
    for (const shape of [one, other])
      for (const [index, from] of shape.entries()) {
        const to = shape[(index + 1) % shape.length];
        const length = Math.hypot(to.y - from.y, to.x - from.x) || 1;
        const aside = ({ x, y }) => (x * (to.y - from.y) - y * (to.x - from.x)) / length;
        const [a, b] = [one.map(aside), other.map(aside)];
        if (Math.min(Math.max(...a), Math.max(...b)) - Math.max(Math.min(...a), Math.min(...b)) <= TOLERANCE_PX) return false;
      }
    return true;
  }

  // --- What is asked ---

  const panels = () => [...document.querySelectorAll(PANEL)];
  const nameOf = (panel) => panel.dataset.testid.replace("data-testid Panel header", "").trim();

  function scrollers() {
    const around = panels().flatMap((panel) => [...ancestors(panel.parentElement)]);
    return [...new Set([document.documentElement, ...around])].filter((one) => {
      const { overflowY } = getComputedStyle(one);
      return one === document.documentElement || overflowY === "auto" || overflowY === "scroll";
    });
  }

  /** How high the window would be if nothing had to be scrolled. */
  const fullHeight = () =>
    window.innerHeight + Math.max(0, ...scrollers().map((one) => one.scrollHeight - one.clientHeight));

  async function settled(withinMs) {
    if (document.readyState === "loading") await new Promise((resolve) => document.addEventListener("DOMContentLoaded", resolve));
    const until = performance.now() + withinMs;
    let before = "", calm = 0;
    while (performance.now() < until) {
      const busy = underway > 0 || panels().length === 0 || panels().some((panel) => panel.querySelector(BUSY));
      const now = busy ? "" : `${panels().length} ${fullHeight()} ${document.body.innerText}`;
      calm = now && now === before ? calm + 1 : 0;
      before = now;
      if (calm >= CALM_LOOKS) return document.fonts.ready.then(() => true);
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
    return false;
  }

  function inPanel(panel, screenHeight) {
    const found = [], say = (kind, text, other = "") => found.push({ panel: nameOf(panel), kind, text, other });
    if (panel.querySelector(FAILED)) say("failed", "");
    for (const one of panel.querySelectorAll("*")) {
      const { overflowX } = getComputedStyle(one);
      if ((overflowX === "auto" || overflowX === "scroll") && one.scrollWidth > one.clientWidth + TOLERANCE_PX && one.clientWidth > 2)
        say("wide", `${one.clientWidth} of ${one.scrollWidth} px`);
    }
    const shapes = [];
    let scrolled = 0;
    for (const text of textsIn(panel)) {
      const fates = text.lines.map((line) => fate(text.element, line, panel));
      if (fates.some(({ across }) => across === "hidden")) continue;
      if (isShortened(text.element) || fates.some(({ across, along }) => across === "cut" || along === "cut"))
        say("cut", text.text);
      if (fates.some(({ across, along }) => across === "scrolled" || along === "scrolled")) scrolled += 1;
      const seen = text.lines.filter((_, index) => fates[index].across === "seen" && fates[index].along === "seen");
      if (seen.some((line) => isUnder(text, line))) say("under", text.text);
      const size = parseFloat(getComputedStyle(text.element).fontSize);
      if (seen.length && size < READABLE_PX) say("small", text.text, `${Math.round(10 * size) / 10} px`);
      shapes.push(...seen.map((line) => ({ text: text.text, of: text, shape: cornersOf(line) })));
    }
    if (scrolled && panel.getBoundingClientRect().top < screenHeight) say("scrolled", `${scrolled} texts`);
    for (const canvas of panel.querySelectorAll("canvas"))
      for (const one of writtenOn(canvas)) {
        if (shareInside(one) < 1 - AT_THE_EDGE) say("cut", one.text);
        shapes.push(one);
      }
    for (const [index, one] of shapes.entries())
      for (const other of shapes.slice(index + 1))
        if ((!one.of || one.of !== other.of) && overlap(one.shape, other.shape)) say("over", one.text, other.text);
    return found;
  }

  /** A panel that the lower edge of the screen goes through, but for its frame: from afar, half a panel is seen. */
  function atTheEdge(screenHeight) {
    return panels().flatMap((panel) => {
      const { top, bottom } = panel.getBoundingClientRect();
      const text = `${Math.round(screenHeight - top)} of ${Math.round(bottom - top)} px`;
      const isCut = top < screenHeight - FRAME_PX && bottom > screenHeight + TOLERANCE_PX;
      return isCut ? [{ panel: nameOf(panel), kind: "edge", text }] : [];
    });
  }

  function measured(screenHeight) {
    const page = document.documentElement;
    const found = [...atTheEdge(screenHeight), ...panels().flatMap((panel) => inPanel(panel, screenHeight))];
    if (page.scrollWidth > page.clientWidth + TOLERANCE_PX)
      found.push({ panel: "", kind: "wide", text: `${page.clientWidth} of ${page.scrollWidth} px`, other: "" });
    return { panels: panels().length, found };
  }

  window.boardPictures = { settled, fullHeight, measured };
})();
