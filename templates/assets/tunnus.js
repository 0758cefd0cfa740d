// Small improvements; every page works without this file.
"use strict";

(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const EYE = "M2 12s3.6-6.5 10-6.5S22 12 22 12s-3.6 6.5-10 6.5S2 12 2 12Z";
  const PUPIL = "M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6Z";
  const STRIKE = "M4 20 20 4";

  function drawing(...paths) {
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("class", "icon");
    svg.setAttribute("aria-hidden", "true");
    svg.setAttribute("focusable", "false");
    for (const d of paths) {
      const path = document.createElementNS(SVG, "path");
      path.setAttribute("d", d);
      svg.append(path);
    }
    return svg;
  }

  // Show and hide a password. Hidden again before the form leaves, so that no browser keeps it as plain text.
  const boxes = document.querySelectorAll("[data-password]");
  for (const box of boxes) {
    const input = box.querySelector("input");
    const label = document.querySelector(`label[for="${input.id}"]`);
    const which = boxes.length > 1 && label ? ` (${label.firstChild.textContent.trim()})` : "";
    const button = document.createElement("button");
    button.type = "button";
    button.className = "password-toggle";
    button.setAttribute("aria-controls", input.id);
    const show = (visible) => {
      input.type = visible ? "text" : "password";
      const text = (visible ? box.dataset.hide : box.dataset.show) + which;
      button.setAttribute("aria-label", text);
      button.title = text;
      button.replaceChildren(visible ? drawing(EYE, PUPIL, STRIKE) : drawing(EYE, PUPIL));
    };
    show(false);
    button.addEventListener("click", () => show(input.type === "password"));
    input.form?.addEventListener("submit", () => show(false));
    box.append(button);
    box.classList.add("password-with-toggle");
  }

  // Tick the rules of a new password while it is typed. The server decides; this only shows.
  const RULES = {
    length: (text, minimum) => [...text].length >= minimum,
    lower: (text) => /\p{Ll}/u.test(text),
    upper: (text) => /\p{Lu}/u.test(text),
    digit: (text) => /\p{Nd}/u.test(text),
    special: (text) => /[^\p{L}\p{Nd}\p{Cc}\s]/u.test(text),
  };
  for (const list of document.querySelectorAll("[data-password-rules]")) {
    const input = document.getElementById(list.dataset.passwordRules);
    if (!input) continue;
    const items = [...list.querySelectorAll("[data-rule]")].filter((item) => item.dataset.rule in RULES);
    for (const item of items) {
      item.state = document.createElement("span");
      item.state.className = "visually-hidden";
      item.append(" ", item.state);
    }
    const tick = () => {
      const text = input.value.normalize("NFC");
      for (const item of items) {
        const met = RULES[item.dataset.rule](text, Number(item.dataset.minimum || 0));
        item.classList.toggle("rule-met", met);
        item.state.textContent = text ? `(${met ? list.dataset.met : list.dataset.unmet})` : "";
      }
    };
    input.addEventListener("input", tick);
    tick();
  }

  // A second press of the button within a moment sends nothing.
  for (const form of document.querySelectorAll("form")) {
    let sent = 0;
    form.addEventListener("submit", (event) => {
      const now = Date.now();
      if (now - sent < 1000) event.preventDefault();
      else sent = now;
    });
  }

  // What the page is about gets the focus: the errors, or what just happened.
  (document.getElementById("error-summary-title") || document.querySelector("[data-focus]"))?.focus();
})();
