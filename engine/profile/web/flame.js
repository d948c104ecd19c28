/* SPDX-License-Identifier: MIT
 * flame.js: search, zoom and details of a flame graph.
 *
 * It reads all it needs from the drawing: a frame is an <svg class="f"> with x and width in percent, its row as y, and a
 * <title> whose lines are the function, where it is, and what it took. Frames stand in the order of a walk through the
 * tree, so what a frame calls comes right behind it. */
(function () {
  "use strict";
  var root = document.currentScript.parentNode;
  var area = root.querySelector(".frames"), head = root.querySelector(".head"), bar = root.querySelector(".bar");
  var field = root.querySelector("input"), share = root.querySelector(".share"), details = root.querySelector(".details");
  var ROW = 18, GAP = 4, TIGHT = 24, MIDDLE = 1e-9;

  var frames = Array.prototype.map.call(area.querySelectorAll(".f"), function (box, index) {
    var lines = box.querySelector("title").textContent.split("\n");
    box.setAttribute("role", "treeitem");
    box.setAttribute("aria-label", lines.join(", "));
    return {
      box: box, text: box.querySelector("text"), lines: lines, name: lines[0], index: index,
      x: parseFloat(box.getAttribute("x")), width: parseFloat(box.getAttribute("width")),
      row: Math.round(parseFloat(box.getAttribute("y")) / ROW), shown: true, now: 0,
    };
  });
  var zoomed = frames[0], active = frames[0], letter = measureLetter(), lastWidth = -1, resting = details.innerHTML;

  function measureLetter() {
    var text = frames[0].text, before = text.textContent;
    text.textContent = "mmmmmmmmmm";
    var length = text.getComputedTextLength() / 10;
    text.textContent = before;
    return length || 7.3;
  }

  /* Whether the middle of `inner` lies in `outer`: widths are rounded, so edges would not do. */
  function covers(outer, inner) {
    var middle = inner.x + inner.width / 2;
    return middle >= outer.x - MIDDLE && middle <= outer.x + outer.width + MIDDLE;
  }

  function fitText(frame, width) {
    var room = Math.floor((frame.now * width / 100 - 2 * GAP) / letter);
    if (frame.now * width / 100 < TIGHT || room < 2) frame.text.textContent = "";
    else frame.text.textContent = frame.name.length <= room ? frame.name : frame.name.slice(0, room - 1) + "\u2026";
  }

  function layOut() {
    var width = root.getBoundingClientRect().width;
    lastWidth = width;
    var height = Math.ceil(bar.getBoundingClientRect().height) || 120;
    head.setAttribute("height", height);
    area.setAttribute("y", height);
    root.setAttribute("height", height + parseFloat(area.getAttribute("height")));
    frames.forEach(function (frame) {
      if (frame.shown) fitText(frame, width);
    });
    stick();
  }

  /* The bar stays in sight when a deep graph is scrolled. */
  function stick() {
    var top = -root.getBoundingClientRect().top, most = parseFloat(area.getAttribute("height"));
    head.setAttribute("y", Math.max(0, Math.min(top, most)));
  }

  function zoom(to) {
    var scale = 100 / to.width;
    zoomed = to;
    frames.forEach(function (frame) {
      var above = frame.row < to.row && covers(frame, to);
      frame.shown = above || (frame.row >= to.row && covers(to, frame));
      frame.box.classList.toggle("above", above);
      frame.box.style.display = frame.shown ? "" : "none";
      if (!frame.shown) return;
      frame.now = above ? 100 : Math.min(100, frame.width * scale);
      frame.box.setAttribute("x", (above ? 0 : Math.max(0, (frame.x - to.x) * scale)) + "%");
      frame.box.setAttribute("width", frame.now + "%");
    });
    if (!active.shown) activate(to);
    layOut();
  }

  function search() {
    var pattern = null, sum = 0, until = -1;
    field.classList.remove("wrong");
    if (field.value !== "") {
      try {
        pattern = new RegExp(field.value, "i");
      } catch (error) {
        field.classList.add("wrong");
        share.textContent = "not a regular expression";
      }
    }
    root.classList.toggle("searching", pattern !== null);
    frames.forEach(function (frame) {
      var hit = pattern !== null && frame.index > 0 && (pattern.test(frame.name) || pattern.test(frame.lines[1]));
      frame.box.classList.toggle("hit", hit);
      /* What a match calls is in its share already. */
      if (frame.row <= until) until = -1;
      if (hit && until < 0) {
        sum += frame.width;
        until = frame.row;
      }
    });
    if (pattern !== null) share.textContent = "matched: " + sum.toFixed(2) + " %";
    else if (field.value === "") share.textContent = "";
  }

  function show(frame) {
    details.textContent = "";
    [frame.lines.slice(0, 2).join("  "), frame.lines.slice(2).join("  ")].forEach(function (text) {
      var line = document.createElementNS("http://www.w3.org/1999/xhtml", "div");
      line.textContent = text;
      details.appendChild(line);
    });
  }

  function rest() {
    if (area.contains(document.activeElement)) show(active);
    else details.innerHTML = resting;
  }

  function activate(frame) {
    active.box.setAttribute("tabindex", "-1");
    frame.box.setAttribute("tabindex", "0");
    active = frame;
  }

  /* Moves to a frame, and scrolls so that the bar does not hide it. */
  function go(frame) {
    var at, under = bar.getBoundingClientRect().height;
    activate(frame);
    frame.box.focus({ preventScroll: true });
    at = frame.box.querySelector("rect").getBoundingClientRect();
    if (at.top < under) window.scrollBy(0, at.top - under);
    else if (at.bottom > window.innerHeight) window.scrollBy(0, at.bottom - window.innerHeight);
  }

  function frameOf(target) {
    var box = target.closest ? target.closest(".f") : null;
    return box === null ? null : frames[Array.prototype.indexOf.call(area.children, box)];
  }

  /* The frame that an arrow leads to. */
  function neighbour(key) {
    var list = frames.filter(function (frame) { return frame.shown; }), at = list.indexOf(active), i;
    if (key === "ArrowDown") return at + 1 < list.length && list[at + 1].row > active.row ? list[at + 1] : null;
    if (key === "ArrowUp") {
      for (i = at - 1; i >= 0; i--) if (list[i].row < active.row) return list[i];
      return null;
    }
    for (i = at + (key === "ArrowRight" ? 1 : -1); i >= 0 && i < list.length; i += key === "ArrowRight" ? 1 : -1)
      if (list[i].row === active.row) return list[i];
    return null;
  }

  function reset() {
    field.value = "";
    search();
    zoom(frames[0]);
  }

  area.setAttribute("role", "tree");
  area.addEventListener("click", function (event) {
    var frame = frameOf(event.target);
    if (frame === null) return;
    zoom(frame);
    go(frame);
  });
  area.addEventListener("mouseover", function (event) {
    var frame = frameOf(event.target);
    if (frame !== null) show(frame);
  });
  area.addEventListener("mouseleave", rest);
  area.addEventListener("focusin", function (event) {
    var frame = frameOf(event.target);
    if (frame === null) return;
    activate(frame);
    show(frame);
  });
  area.addEventListener("focusout", function () {
    details.innerHTML = resting;
  });
  area.addEventListener("keydown", function (event) {
    var next;
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "Enter" || event.key === " ") zoom(active);
    else if (event.key.indexOf("Arrow") === 0) {
      next = neighbour(event.key);
      if (next !== null) go(next);
    } else return;
    event.preventDefault();
  });
  root.addEventListener("keydown", function (event) {
    if (event.key === "Escape") reset();
    else if (event.key === "/" && event.target !== field) {
      field.focus();
      event.preventDefault();
    }
  });
  field.addEventListener("input", search);
  root.querySelector("button").addEventListener("click", reset);
  window.addEventListener("scroll", stick, { passive: true });
  new ResizeObserver(function () {
    if (root.getBoundingClientRect().width !== lastWidth) layOut();
  }).observe(root);
  zoom(frames[0]);
})();
