// The bar at the top of each page: its menus, of which one is open at a time, and the way out.

const menus = [...document.querySelectorAll(".bar-menu")];

document.getElementById("sign-out").addEventListener("click", async (event) => {
  const next = event.currentTarget.dataset.next; // who signed in at the provider leaves it as well
  await fetch("/v1/session", { method: "DELETE", credentials: "same-origin" });
  location.replace(next);
});
// The front page on a phone: its bar holds the search, so the pages are behind a button.
const pagesButton = document.getElementById("pages-button");
const siteNav = document.getElementById("site-nav");
function openPages(open) {
  pagesButton?.setAttribute("aria-expanded", String(open));
  siteNav.classList.toggle("is-open", open);
}
pagesButton?.addEventListener("click", () => openPages(pagesButton.getAttribute("aria-expanded") !== "true"));
siteNav.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !siteNav.classList.contains("is-open") || event.target.closest("details[open]")) return;
  openPages(false);
  pagesButton.focus();
});
document.addEventListener("click", (event) => {
  if (!siteNav.contains(event.target) && !pagesButton?.contains(event.target)) openPages(false);
  for (const menu of menus) if (!menu.contains(event.target)) menu.open = false;
});
for (const menu of menus) {
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
  menu.addEventListener("focusout", (event) => {
    if (event.relatedTarget && !menu.contains(event.relatedTarget)) menu.open = false;
  });
}
