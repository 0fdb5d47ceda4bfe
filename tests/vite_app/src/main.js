import "./main.css";
import { greeting } from "./greeting.js";

const PAGES = {
  "/": () => import("./pages/home.js"),
  "/about": () => import("./pages/about.js"),
};

async function show() {
  const load = PAGES[location.pathname] ?? PAGES["/"];
  const { title, content } = await load();
  document.title = title;
  document.querySelector("main").innerHTML = content;
}

function greet(text) {
  document.querySelector("#greeting").textContent = text;
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a");
  if (link === null) return;
  event.preventDefault();
  history.pushState(null, "", link.href);
  show();
});
addEventListener("popstate", show);
greet(greeting);
show();

import.meta.hot?.accept("./greeting.js", (changed) => greet(changed.greeting));
