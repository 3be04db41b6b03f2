// Signing in: the form is sent to the API, which answers with a cookie that no script can read.

import { askJson } from "./api.js";
import { say } from "./texts.js";

const form = document.getElementById("sign-in");
const said = document.getElementById("sign-in-said");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button[type=submit]");
  button.disabled = true;
  said.textContent = "";
  try {
    await askJson("/v1/session", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({
        name: form.elements.name.value.trim(),
        password: form.elements.password.value,
        code: form.elements.code.value.trim() || null,
      }),
    });
    location.replace(form.dataset.next);
  } catch (error) {
    said.textContent = error.status === 401 ? say("sign.refused") : error.message;
    button.disabled = false;
    form.elements.password.select();
  }
});

for (const button of document.querySelectorAll(".demo-account")) {
  button.addEventListener("click", () => {
    form.elements.name.value = button.dataset.name;
    form.elements.password.value = button.dataset.password;
    form.requestSubmit();
  });
}
