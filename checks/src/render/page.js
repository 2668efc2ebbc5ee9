"use strict";
// Walks through the steps of the story in #data. State 0 is what holds before the first step shown.
const data = JSON.parse(document.getElementById("data").textContent);
const terms = ["#fde2a7", "#b9e3c6", "#bcd7f5", "#f6c1c7", "#d9c9f0", "#c5ebe9", "#f3d0b0", "#d8dfa5"];
const byId = (id) => document.getElementById(id);
const states = [data.initial];
for (const step of data.steps) states.push({ ...states[states.length - 1], ...step.after });

// An element with text, and never markup: what servers say is not trusted to be harmless.
function element(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function slot(entry, commit) {
  const made = element("span", entry.index + " " + entry.value, "slot");
  made.style.setProperty("--term", terms[(entry.term + 7) % 8]);
  if (entry.index <= commit) made.classList.add("committed");
  if (!entry.durable) made.classList.add("wet");
  made.title = entry.index + "@" + entry.term + (entry.index <= commit ? ", committed" : "") + (entry.durable ? ", on disk" : ", not on disk");
  return made;
}

function card(name, server, changed) {
  const made = element("div", undefined, "server " + server.role + (changed ? " changed" : ""));
  made.dataset.server = name;
  const facts = element("div", undefined, "facts");
  facts.append(element("b", name), element("span", server.role), element("span", "term " + server.term));
  facts.append(element("span", "vote " + (server.vote || "–")), element("span", "commit " + server.commit));
  if (server.leader) facts.append(element("span", "leader " + server.leader));
  made.append(facts);
  const log = element("div", undefined, "log");
  for (const entry of server.log) log.append(slot(entry, server.commit));
  if (!server.log.length) log.append(element("span", "empty log", "more"));
  made.append(log);
  const disk = server.disk;
  const more = ["disk: term " + disk.term + ", vote " + (disk.vote || "–") + ", " + disk.log];
  if (server.votes) more.push("votes: " + server.votes.join(" "));
  if (server.progress) more.push("match/next: " + Object.entries(server.progress).map(([peer, at]) => peer + " " + at).join(", "));
  for (const line of more) made.append(element("div", line, "more"));
  for (const write of server.unsynced || []) made.append(element("div", "not synced: " + write, "bad"));
  if (server.broken) made.append(element("div", "breaks " + server.broken, "bad"));
  return made;
}

let at = 0;
function show(wanted, scroll) {
  at = Math.max(0, Math.min(data.steps.length, wanted));
  const step = data.steps[at - 1];
  byId("slider").value = at;
  byId("where").textContent = step ? "after step " + step.step : "start";
  byId("label").textContent = step ? step.label : "before the first step";
  const changed = step ? step.after : {};
  byId("servers").replaceChildren(...data.servers.map((name) => card(name, states[at][name], name in changed)));
  byId("output").replaceChildren(...(step ? step.output : []).map((line) => element("li", line)));
  byId("why").replaceChildren(...(step ? step.why : []).map((line) => element("li", "because " + line)));
  const number = step ? String(step.step) : "0";
  for (const item of byId("steps").children) item.classList.toggle("on", item.dataset.step === number);
  for (const group of document.querySelectorAll(".rl-step")) {
    const on = group.dataset.step === number;
    group.querySelector("rect").classList.toggle("on", on);
    if (on && scroll) group.scrollIntoView({ block: "nearest" });
  }
  const item = byId("steps").querySelector(".on");
  if (item && scroll) item.scrollIntoView({ block: "nearest" });
  hide();
}

// Hides what the boxes that are not ticked name.
function hide() {
  const off = (what) => new Set([...document.querySelectorAll("input[data-" + what + "]")].filter((box) => !box.checked).map((box) => box.dataset[what]));
  const servers = off("server"), kinds = off("kind");
  for (const lane of document.querySelectorAll(".rl-lane")) lane.classList.toggle("off", servers.has(lane.dataset.server));
  for (const made of document.querySelectorAll(".server")) made.style.display = servers.has(made.dataset.server) ? "none" : "";
  for (const message of document.querySelectorAll(".rl-message")) {
    const { kind, from, to } = message.dataset;
    message.classList.toggle("off", kinds.has(kind) || servers.has(from) || servers.has(to));
  }
  data.steps.forEach((step, index) => {
    const item = byId("steps").children[index + 1];
    item.style.display = servers.has(step.server) || kinds.has(step.message) ? "none" : "";
  });
}

byId("slider").max = data.steps.length;
const items = [{ step: 0, label: "start" }, ...data.steps];
items.forEach((step, index) => {
  const item = element("li", step.label, step.crashed ? "crash" : "");
  item.dataset.step = step.step;
  item.addEventListener("click", () => show(index, true));
  byId("steps").append(item);
});
data.steps.forEach((step, index) => {
  const group = document.querySelector('.rl-step[data-step="' + step.step + '"]');
  if (group) group.addEventListener("click", () => show(index + 1, false));
});
byId("slider").addEventListener("input", (event) => show(Number(event.target.value), true));
byId("first").addEventListener("click", () => show(0, true));
byId("previous").addEventListener("click", () => show(at - 1, true));
byId("next").addEventListener("click", () => show(at + 1, true));
byId("last").addEventListener("click", () => show(data.steps.length, true));
for (const box of document.querySelectorAll("input[type=checkbox]")) box.addEventListener("change", hide);
const keys = { ArrowLeft: () => at - 1, ArrowUp: () => at - 1, ArrowRight: () => at + 1, ArrowDown: () => at + 1, Home: () => 0, End: () => data.steps.length };
document.addEventListener("keydown", (event) => {
  if (!keys[event.key] || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  show(keys[event.key](), true);
});
// "#step=7" opens the page at a step.
const asked = /^#step=(\d+)$/.exec(location.hash);
show(asked ? items.findIndex((step) => step.step >= Number(asked[1])) : data.steps.length, true);
