// One's own account: what it is, its password, its sign-ins and tokens.

import { askJson } from "./api.js";
import { faultLine } from "./desk.js";
import { byId, make } from "./dom.js";
import { formatNumber, say, settings } from "./texts.js";
import { dateAndClock } from "./times.js";

const showPasswordFault = faultLine("password-fault");
const showFault = byId("account-fault") ? faultLine("account-fault") : showPasswordFault;
const form = byId("password-form");

async function load() {
  try {
    draw(await askJson("/v1/account"));
  } catch (error) {
    showFault(error.message);
  }
}

async function change(path, body) {
  showFault(null);
  try {
    draw(await askJson(`/v1/account${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    }));
  } catch (error) {
    showFault(error.message);
  }
}

function draw(account) {
  byId("facts").replaceChildren(...facts(account).flatMap(([name, value]) => [
    make("dt", {}, name), make("dd", {}, value),
  ]));
  form.hidden = account.is_demo;
  byId("password-fixed").hidden = !account.is_demo;
  if (!byId("sessions")) return; // the password comes first
  byId("sessions").replaceChildren(...account.sessions.map(sessionView));
  byId("tokens").replaceChildren(...(account.tokens.length ? account.tokens.map(tokenView)
    : [make("li", { class: "quiet" }, say("account.no_tokens"))]));
}

function facts(account) {
  return [
    [say("account.name"), `${account.shown_name} (${account.name})`],
    [say("account.role"), say(`sign.role_${account.role}`)],
    [say("account.sees"), sees(account)],
    [say("account.second_factor"), say(account.has_second_factor ? "account.yes" : "account.no")],
  ];
}

function sees(account) {
  if (account.assignments.length === 0) return say("account.sees_nothing");
  const areas = account.assignments.map((each) => {
    const what = each.area_code === null ? say("account.everything")
      : [each.area_name, each.area_code].filter(Boolean).join(" ");
    return each.valid_to ? say("account.until", { what, day: each.valid_to }) : what;
  });
  const count = account.grid_count === null ? null
    : say("account.grids", { count: formatNumber(account.grid_count) });
  return [areas.join("、"), count].filter(Boolean).join(" · ");
}

function sessionView(session) {
  return make("li", {},
    make("span", { class: "own-what" },
      make("b", {}, say(`account.by_${session.signed_in_by}`)), " ",
      make("span", { class: "quiet" }, say("account.session_line", {
        since: dateAndClock(session.created_at), used: dateAndClock(session.seen_at),
        origin: session.origin ?? "–",
      }))),
    session.is_this ? make("span", { class: "quiet" }, say("account.this_one"))
      : endButton(() => change(`/sessions/${session.id}/end`, {})));
}

function tokenView(token) {
  return make("li", {},
    make("span", { class: "own-what" }, make("b", {}, token.name), " ",
      make("span", { class: "quiet" }, say("account.token_line", {
        scopes: token.scopes.map((scope) => say(`account.scope_${scope}`)).join("、"),
        until: dateAndClock(token.expires_at),
      }))),
    endButton(() => change("/tokens/end", { name: token.name })));
}

function endButton(onclick) {
  return make("button", { type: "button", class: "button button-small", onclick }, say("account.end"));
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  showPasswordFault(null);
  byId("password-said").textContent = "";
  if (byId("new-password").value !== byId("same-password").value) {
    showPasswordFault(say("account.not_the_same"));
    byId("same-password").focus();
    return;
  }
  const button = form.querySelector("button[type=submit]");
  button.disabled = true;
  try {
    await changePassword();
    form.reset();
    if (settings.must_change) location.replace("/");
    else {
      byId("password-said").textContent = say("account.password_changed");
      await load();
    }
  } catch (error) {
    showPasswordFault(error.message);
    byId("old-password").focus();
  } finally {
    button.disabled = false;
  }
});

/** The answer is empty where all is well; `askJson` wants one that holds something. */
async function changePassword() {
  const answer = await fetch("/v1/account/password", {
    method: "POST",
    credentials: "same-origin",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({
      old_password: byId("old-password").value, password: byId("new-password").value,
    }),
  }).catch(() => null);
  if (answer?.ok) return;
  const error = (await answer?.json().catch(() => null))?.error;
  const known = { old_password: "account.old_is_wrong", password: "account.new_is_wrong" };
  throw new Error(say(known[error?.facts?.field]
    ?? (answer?.status === 429 ? "account.too_many" : "account.not_changed")));
}

load();
