// The second factor, after a sign-in at the provider.

import { askJson } from "./api.js";
import { say } from "./texts.js";

const form = document.getElementById("sign-in-code");
const said = document.getElementById("sign-in-said");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button[type=submit]");
  button.disabled = true;
  said.textContent = "";
  try {
    await askJson("/v1/session/code", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ code: form.elements.code.value.trim() }),
    });
    location.replace(form.dataset.next);
  } catch (error) {
    said.textContent = error.status === 401 ? say("sign.code_refused") : error.message;
    button.disabled = false;
    form.elements.code.select();
  }
});
