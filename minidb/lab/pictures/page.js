"use strict";
(() => {
  const events = [...document.querySelectorAll(".event")];
  const panel = document.querySelector(".panel");
  document.documentElement.classList.add("js");

  // An edge and its steps: what has the same number is lit together.
  const numbered = [...document.querySelectorAll("[data-links]")];
  const numbersOf = (element) => element.dataset.links.split(" ");
  const light = (numbers) => {
    for (const element of numbered) {
      element.classList.toggle("lit", numbers.length > 0 && numbersOf(element).some((n) => numbers.includes(n)));
    }
    document.querySelector(".graph")?.classList.toggle("picking", numbers.length > 0);
  };
  for (const element of numbered) {
    if (element.classList.contains("event")) continue;
    const on = () => light(numbersOf(element));
    element.addEventListener("mouseenter", on);
    element.addEventListener("focusin", on);
    element.addEventListener("click", on);
    element.addEventListener("mouseleave", () => light([]));
    element.addEventListener("focusout", () => light([]));
  }

  // The stepper.
  if (!panel || !events.length) return;
  const shown = panel.querySelector(".shown");
  const now = panel.querySelector(".now");
  const back = panel.querySelector(".back");
  const on = panel.querySelector(".on");
  let place = -1;

  const stateAt = (position) => {
    for (let i = position; i >= 0; i--) {
      const found = events[i].querySelector("details .inside");
      if (found) return found;
    }
    return null;
  };
  const show = (position) => {
    const title = document.createElement("b");
    title.textContent = `step ${events[position].querySelector(".turn").textContent}`;
    now.replaceChildren("after ", title, ` · ${position + 1} of ${events.length}`);
    const state = stateAt(position);
    shown.replaceChildren(...(state ? [state.cloneNode(true)] : []));
    back.disabled = position === 0;
    on.disabled = position === events.length - 1;
  };
  const select = (position, follow) => {
    place = position;
    panel.classList.remove("unset");
    events.forEach((event, i) => {
      event.classList.toggle("here", i === place);
      event.classList.toggle("later", i > place);
      const details = event.querySelector("details");
      if (details) details.open = i === place;
    });
    show(place);
    if (follow) events[place].scrollIntoView({ block: "nearest" });
  };
  const step = (by) => {
    const next = place < 0 ? (by > 0 ? 0 : events.length - 1) : place + by;
    if (next < 0 || next >= events.length) return;
    select(next, true);
    history.replaceState(null, "", `#event-${next}`);
  };
  const follow = () => {
    const found = /^#event-(\d+)$/.exec(location.hash);
    if (found && Number(found[1]) < events.length) select(Number(found[1]), false);
  };
  back.addEventListener("click", () => step(-1));
  on.addEventListener("click", () => step(1));
  addEventListener("hashchange", follow);
  addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (event.key === "ArrowRight") step(1);
    else if (event.key === "ArrowLeft") step(-1);
    else if (event.key === "Escape") clear();
    else return;
    event.preventDefault();
  });
  const clear = () => {
    place = -1;
    panel.classList.add("unset");
    for (const event of events) event.classList.remove("here", "later");
    light([]);
    show(Number(panel.dataset.first));
    back.disabled = on.disabled = false;
  };
  panel.hidden = false;
  clear();
  follow();
})();
