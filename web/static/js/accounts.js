// Accounts: made, assigned, reset, ended. What is shown once is shown in one place until it is noted.

import { askJson } from "./api.js";
import { faultLine } from "./desk.js";
import { byId, make } from "./dom.js";
import { dayIn } from "./local_days.js";
import { formatNumber, say, timeZone } from "./texts.js";
import { dateAndClock } from "./times.js";

const showFault = faultLine("accounts-fault");
const LEADING = ["patrol_leader", "chief"]; // roles that lead units; the server decides
const today = dayIn(timeZone, new Date());
let accounts = [];
let opened = null; // name of the account that is unfolded

async function load() {
  try {
    accounts = (await askJson(`/v1/accounts?ended=${byId("with-ended").checked}`)).accounts;
    draw();
  } catch (error) {
    showFault(error.message);
  }
}

function draw() {
  byId("accounts-status").textContent = say("accounts.count", { count: formatNumber(accounts.length) });
  byId("accounts").replaceChildren(...accounts.map(accountView));
}

/** Ask for a change; what the answer shows once is shown, and the list is drawn anew. */
async function change(path, body, what, method = "POST") {
  showFault(null);
  try {
    const answer = await askJson(`/v1/accounts${path}`, {
      method,
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body ?? {}),
    });
    const secret = answer.password ?? answer.totp_uri ?? answer.token;
    if (secret) showOnce(say(what, { name: answer.account.name }), secret);
    await load();
    return true;
  } catch (error) {
    showFault(error.message);
    return false;
  }
}

function showOnce(what, secret) {
  byId("once-what").textContent = what;
  byId("once-secret").textContent = secret;
  byId("once").hidden = false;
  byId("once").scrollIntoView({ block: "nearest" });
}

function sees(account) {
  if (account.assignments.length === 0) return say("accounts.sees_nothing");
  return account.assignments.map((each) => each.area_code ?? say("accounts.everything")).join("、");
}

function accountView(account) {
  const marks = [
    account.is_demo ? say("accounts.demo") : null,
    account.has_second_factor ? say("accounts.second_factor") : null,
    account.locked_until && new Date(account.locked_until) > new Date() ? say("accounts.locked") : null,
    account.ended_at ? say("accounts.ended", { time: dateAndClock(account.ended_at) }) : null,
  ].filter(Boolean).join(" · ");
  return make("li", {}, make("details", {
    class: account.ended_at ? "account is-ended" : "account", "data-account": account.name,
    open: account.name === opened,
    ontoggle: (event) => { if (event.target.open) opened = account.name; },
  },
  make("summary", {}, make("b", {}, account.shown_name), make("span", { class: "code" }, account.name),
    make("span", {}, say(`sign.role_${account.role}`)),
    make("span", { class: "quiet" }, [sees(account), marks].filter(Boolean).join(" · "))),
  account.may_change ? insideView(account)
    : make("p", { class: "account-inside quiet" },
      say(account.ended_at ? "accounts.is_over" : "accounts.on_command_line"))));
}

function button(text, onclick, isMain = false) {
  return make("button", { type: "button", class: isMain ? "button button-main button-small" : "button button-small", onclick }, text);
}

function insideView(account) {
  const path = `/${encodeURIComponent(account.name)}`;
  const id = (name) => `${name}-${account.name}`;
  const field = (name, label, more) => make("div", { class: "field" },
    make("label", { for: id(name) }, label), make("input", { id: id(name), ...more }));
  const value = (name) => byId(id(name)).value.trim();
  return make("div", { class: "account-inside" },
    make("section", {}, make("h3", {}, say("accounts.assignments")),
      make("ul", {}, ...account.assignments.map((each) => make("li", {},
        make("span", { class: "code" }, each.area_code ?? say("accounts.everything")),
        make("span", { class: "quiet" }, `${each.valid_from} – ${each.valid_to ?? ""}`),
        button(say("accounts.end_today"), () => change(`${path}/assignments/${each.id}/end`, { on: today }))))),
      make("div", { class: "account-line" },
        field("area", say("accounts.area"), { type: "text", maxlength: 40, autocomplete: "off" }),
        field("from", say("accounts.from"), { type: "date", value: today }),
        field("to", say("accounts.to"), { type: "date" }),
        button(say("accounts.assign"), () => change(`${path}/assignments`, {
          ...(value("area") ? { area_code: value("area") } : { everything: true }),
          valid_from: value("from"), valid_to: value("to") || null,
        }), true)),
      make("p", { class: "quiet" }, say("accounts.area_note"))),
    make("section", {}, make("h3", {}, say("accounts.tokens")),
      make("ul", {}, ...account.tokens.map((each) => make("li", {}, each.name,
        make("span", { class: "quiet" }, `${each.scopes.join(" ")} – ${dateAndClock(each.expires_at)}`),
        button(say("accounts.end_token"), () => change(`${path}/tokens/end`, { name: each.name }))))),
      make("div", { class: "account-line" },
        field("token", say("accounts.token_name"), { type: "text", maxlength: 60, autocomplete: "off" }),
        field("days", say("accounts.token_days"), { type: "number", min: 1, max: 366, value: 90 }),
        LEADING.includes(account.role) ? make("label", { class: "check" },
          make("input", { type: "checkbox", id: id("leads") }), say("accounts.token_leads")) : null,
        button(say("accounts.make_token"), () => change(`${path}/tokens`, {
          name: value("token"), days: Number(value("days")), may_write: false,
          leads: byId(id("leads"))?.checked ?? false,
        }, "accounts.once_token")))),
    make("section", {}, make("h3", {}, say("accounts.home")),
      make("div", { class: "account-line" },
        field("home", say("accounts.home_number"), {
          type: "number", min: 1, value: account.home_address_id ?? "",
        }),
        button(say("accounts.keep"), () => change(`${path}/home-address`, {
          standard_address_id: value("home") ? Number(value("home")) : null,
        }, "", "PUT"))),
      make("p", { class: "quiet" }, say("accounts.home_note"))),
    make("div", { class: "button-row" },
      button(say("accounts.reset_password"), () => change(`${path}/password`, {}, "accounts.once_password")),
      button(say("accounts.reset_totp"), () => change(`${path}/totp`, {}, "accounts.once_totp")),
      make("button", {
        type: "button", class: "button button-small", onclick: (event) => sure(event.target, () => change(`${path}/end`)),
      }, say("accounts.end"))));
}

/** What can't be taken back takes a second press. */
function sure(pressed, action) {
  if (pressed.dataset.asked) {
    action();
    return;
  }
  pressed.dataset.asked = "true";
  pressed.textContent = say("accounts.end_sure");
}

byId("account-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const name = byId("account-name").value.trim();
  const done = await change("", {
    name, shown_name: byId("account-shown").value.trim(), role: byId("account-role").value,
  }, "accounts.once_password");
  if (!done) return;
  event.target.reset();
  opened = name;
  draw();
});
byId("once-done").addEventListener("click", () => {
  byId("once-secret").textContent = "";
  byId("once").hidden = true;
});
byId("with-ended").addEventListener("change", load);
await load();
document.documentElement.setAttribute("data-ready", "true");
