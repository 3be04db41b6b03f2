// The button at the top of each page that ends the session.

document.getElementById("sign-out")?.addEventListener("click", async () => {
  await fetch("/v1/session", { method: "DELETE", credentials: "same-origin" });
  location.replace("/sign-in");
});
