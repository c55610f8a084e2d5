// The live page: signs in by authorization code with PKCE, shows what the API says, follows the events by fetch.
// Data reach the page as text only (textContent); the token stays in memory.

const TEXTS = {
  vi: {
    subtitle: "Giám sát, điều hành thông minh tỉnh Nghệ An", signIn: "Đăng nhập", signOut: "Đăng xuất", alerts: "Cảnh báo đang mở",
    values: "Chỉ số mới nhất", sources: "Nguồn dữ liệu", source: "Hệ thống", reading: "Dữ liệu", steps: "Các bước", welcome: "Đăng nhập để xem số liệu của tỉnh.",
    none: "Không có cảnh báo nào đang mở.", acknowledge: "Nhận xử lý", taken: "đã nhận", since: "từ", live: "đang nhận trực tiếp", away: "mất kết nối, đang thử lại",
    stale: "dữ liệu cũ", provisional: "tạm tính", target: "chỉ tiêu đến nay", ours: "mặc định của nền tảng", cited: "theo văn bản", awaited: "chờ ban hành",
    noData: "chưa có dữ liệu", notConnected: "chưa kết nối", ago: "trước", connected: (n, all) => `${n} trên ${all} hệ thống đã kết nối`, unknown: "chưa rõ trạng thái",
    grades: { correct: "đúng", complete: "đủ", clean: "sạch", live: "sống" },
    step: { consolidate: "1 củng cố", "make-smart": "2 thông minh hóa", "model-kpi": "3 mô hình KPI", connect: "4 kết nối", registered: "đăng ký", assessed: "đánh giá ATTT", connected: "kết nối", live: "hoạt động" },
    units: { s: "giây", m: "phút", h: "giờ", d: "ngày" }, failed: "Không thực hiện được: ",
  },
  en: {
    subtitle: "Intelligent Operations Centre of Nghệ An", signIn: "Sign in", signOut: "Sign out", alerts: "Open alerts",
    values: "Latest indicators", sources: "Data sources", source: "System", reading: "Data", steps: "Steps", welcome: "Sign in to see the province's figures.",
    none: "No alert is open.", acknowledge: "Acknowledge", taken: "taken by", since: "since", live: "live", away: "connection lost, trying again",
    stale: "stale", provisional: "provisional", target: "target by now", ours: "a default of the platform", cited: "cited", awaited: "awaited",
    noData: "no data yet", notConnected: "not connected yet", ago: "ago", connected: (n, all) => `${n} of ${all} systems connected`, unknown: "state not known",
    grades: { correct: "correct", complete: "complete", clean: "clean", live: "live" },
    step: { consolidate: "1 consolidate", "make-smart": "2 make smart", "model-kpi": "3 KPI model", connect: "4 connect", registered: "registered", assessed: "assessed", connected: "connected", live: "live" },
    units: { s: "s", m: "min", h: "h", d: "d" }, failed: "That did not work: ",
  },
};

const state = { language: localStorage.getItem("language") === "en" ? "en" : "vi", me: null, sources: [], values: [], alerts: [], indicators: new Map(), areas: new Map(), lastId: "" };
const session = { config: null, endpoints: null, access: "", refresh: "", id: "", until: 0, renewing: null };
const $ = (id) => document.getElementById(id);
const t = () => TEXTS[state.language];
const local = (text) => (text && (text[state.language] || text.vi)) || "";

function element(tag, text = "", className = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

// ---- signing in

const base64url = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

async function signIn() {
  const verifier = random(), expected = random(), nonce = random();
  sessionStorage.setItem("sign-in", JSON.stringify({ verifier, expected, nonce }));
  const challenge = base64url(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier)));
  const query = new URLSearchParams({
    response_type: "code", client_id: session.config.client_id, redirect_uri: `${location.origin}/`, scope: "openid",
    state: expected, nonce, code_challenge: challenge, code_challenge_method: "S256", ui_locales: state.language,
  });
  location.assign(`${session.endpoints.authorization_endpoint}?${query}`);
}

async function takeCode() {
  const query = new URLSearchParams(location.search);
  const kept = JSON.parse(sessionStorage.getItem("sign-in") || "null");
  if (!query.has("code") && !query.has("error")) return;
  history.replaceState(null, "", "/");
  sessionStorage.removeItem("sign-in");
  if (query.has("error")) throw new Error(query.get("error_description") || query.get("error"));
  if (!kept || query.get("state") !== kept.expected) return; // an answer to a question this tab did not ask
  await askToken({ grant_type: "authorization_code", code: query.get("code"), redirect_uri: `${location.origin}/`, code_verifier: kept.verifier });
  const claims = JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(session.id.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0))));
  if (claims.nonce !== kept.nonce) { forget(); throw new Error("nonce"); }
}

async function askToken(form) {
  const answer = await fetch(session.endpoints.token_endpoint, { method: "POST", body: new URLSearchParams({ client_id: session.config.client_id, ...form }) });
  const body = await answer.json();
  if (!answer.ok) { forget(); throw new Error(body.error_description || body.error); }
  Object.assign(session, { access: body.access_token, refresh: body.refresh_token || "", id: body.id_token || session.id, until: Date.now() + (body.expires_in - 15) * 1000 });
}

function forget() {
  Object.assign(session, { access: "", refresh: "", until: 0 });
}

async function token() {
  if (session.access && Date.now() > session.until) {
    // A refresh token is good once: everybody who needs a token waits for the one renewal.
    session.renewing ||= askToken({ grant_type: "refresh_token", refresh_token: session.refresh }).finally(() => { session.renewing = null; });
    await session.renewing;
  }
  return session.access;
}

function signOut() {
  const query = new URLSearchParams({ client_id: session.config.client_id, post_logout_redirect_uri: `${location.origin}/`, id_token_hint: session.id });
  forget();
  location.assign(`${session.endpoints.end_session_endpoint}?${query}`);
}

// ---- the API

async function call(path, options = {}) {
  const answer = await fetch(`/api/v1/${path}`, { ...options, headers: { ...options.headers, Authorization: `Bearer ${await token()}` } });
  if (!answer.ok) {
    const problem = await answer.json().catch(() => ({}));
    throw Object.assign(new Error(problem.detail || answer.statusText), { status: answer.status });
  }
  return answer.json();
}

async function all(path) {
  const items = [];
  for (let next = ""; ; ) {
    const page = await call(`${path}${path.includes("?") ? "&" : "?"}page_size=500${next && `&page_token=${encodeURIComponent(next)}`}`);
    items.push(...page.items);
    next = page.next_page_token;
    if (!next) return items;
  }
}

async function load() {
  const [sources, indicators, areas, values, alerts] = await Promise.all(
    ["sources", "indicators", "areas", "indicator-values/latest", "alerts?state=open&state=acknowledged"].map(all));
  Object.assign(state, { sources, values, alerts: alerts.filter(isStanding) });
  state.indicators = new Map(indicators.map((one) => [`${one.set}/${one.code}`, one]));
  state.areas = new Map(areas.map((one) => [one.code, one.name]));
  draw();
}

async function acknowledge(alert) {
  const headers = { "Content-Type": "application/json", ...(alert.etag && { "If-Match": `"${alert.etag}"` }) };
  try {
    const changed = await call(`alerts/${alert.alert_id}/acknowledge`, { method: "POST", headers, body: JSON.stringify({ note: "" }) });
    takeAlert(changed.alert || changed);
  } catch (error) {
    tell(t().failed + error.message);
    await load();
  }
}

// ---- live events, read by fetch because EventSource cannot send a token

async function follow() {
  for (let wait = 500; session.access; ) {
    try {
      const headers = { Authorization: `Bearer ${await token()}`, ...(state.lastId && { "Last-Event-ID": state.lastId }) };
      const answer = await fetch("/api/v1/events", { headers });
      if (!answer.ok) throw new Error(answer.statusText);
      $("live").textContent = `● ${t().live}`;
      wait = 500;
      await read(answer.body.pipeThrough(new TextDecoderStream()).getReader());
    } catch {
      $("live").textContent = `○ ${t().away}`;
      await new Promise((resolve) => setTimeout(resolve, wait));
      wait = Math.min(wait * 2, 15000);
    }
  }
}

async function read(reader) {
  for (let rest = ""; ; ) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) take(block);
  }
}

function take(block) {
  const fields = Object.fromEntries(block.split("\n").filter((line) => !line.startsWith(":")).map((line) => {
    const at = line.indexOf(":");
    return [line.slice(0, at), line.slice(at + 1).trimStart()];
  }));
  // What happened between loading the lists and the first id of the stream came by neither way: load them again.
  const isFirst = !state.lastId;
  if (fields.id) state.lastId = fields.id;
  if (fields.event === "reset" || isFirst) load().catch((error) => tell(t().failed + error.message));
  if (fields.event === "reset") return;
  if (!fields.data) return;
  const data = JSON.parse(fields.data);
  if (fields.event?.startsWith("alert.")) takeAlert(data.alert || data);
  else if (fields.event === "indicator.computed") takeValue(data.value?.value_id ? data.value : data);
}

const isStanding = (alert) => alert.state === "open" || alert.state === "acknowledged";
const subjectOf = (value) => [value.tenant, value.set, value.code, value.area, value.thing, value.dimension_code].join("|");

function takeAlert(alert) {
  state.alerts = [...(isStanding(alert) ? [alert] : []), ...state.alerts.filter((one) => one.alert_id !== alert.alert_id)];
  draw();
}

function takeValue(value) {
  const at = state.values.findIndex((one) => subjectOf(one) === subjectOf(value));
  if (at < 0) state.values.push(value);
  else if (value.period.start >= state.values[at].period.start) state.values[at] = { ...value, read_at: Date.now() };
  draw();
}

// ---- drawing

function span(seconds) {
  const units = t().units;
  if (seconds < 90) return `${Math.round(seconds)} ${units.s}`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} ${units.m}`;
  return seconds < 129600 ? `${Math.round(seconds / 3600)} ${units.h}` : `${Math.round(seconds / 86400)} ${units.d}`;
}

const place = new Intl.DateTimeFormat("vi", { timeZone: "Asia/Ho_Chi_Minh", dateStyle: "short", timeStyle: "short" });
const ageOf = (moment) => Math.max(0, (Date.now() - Date.parse(moment)) / 1000);

function drawAlerts() {
  const rows = state.alerts.map((alert) => {
    const row = element("li", "", alert.state), text = element("p", local(alert.title));
    text.append(element("small", `${local(alert.message)} · ${alert.tenant} · ${t().since} ${place.format(new Date(alert.raised_at))}`));
    row.append(text);
    if (alert.state === "acknowledged") row.append(element("span", `${t().taken} ${alert.acknowledged_by}`));
    else if (state.me?.roles?.some((role) => ["operator", "province-admin", "oc-admin", "oc-operator"].includes(role)) && alert.tenant === state.me.tenant) {
      const button = element("button", t().acknowledge);
      button.type = "button";
      button.dataset.alert = alert.alert_id;
      button.addEventListener("click", () => { button.disabled = true; acknowledge(alert); });
      row.append(button);
    }
    return row;
  });
  const focused = document.activeElement?.dataset.alert; // drawing again must not take the keyboard away
  $("alerts").replaceChildren(...(rows.length ? rows : [element("li", t().none, "none")]));
  if (focused) document.querySelector(`[data-alert="${CSS.escape(focused)}"]`)?.focus();
}

function drawValue(value) {
  const indicator = state.indicators.get(`${value.set}/${value.code}`);
  // Stale is never green: also when it grew old on this very page.
  const limit = indicator?.stale_after_seconds;
  const isStale = value.is_stale || (value.observed_at && limit && ageOf(value.observed_at) > limit);
  const card = element("article", "", `card ${isStale ? "grey" : value.status || "grey"}`);
  const band = indicator?.bands?.find((one) => one.code === value.band);
  card.append(element("strong", local(indicator?.name) || value.code));
  card.append(element("small", [local(value.place_name) || value.thing || local(state.areas.get(value.area)) || value.area, value.dimension_code, value.tenant].filter(Boolean).join(" · ")));
  const number = element("p", value.value === null ? "–" : value.value.toLocaleString("vi", { maximumFractionDigits: indicator?.decimals ?? 2 }), "number");
  number.append(element("i", ` ${value.unit === "ug/m3" ? "µg/m³" : value.unit}`));
  card.append(number);
  if (band && !isStale) {
    const line = element("small"), chip = element("span", "", "chip");
    chip.style.background = band.colour;
    line.append(chip, local(band.name) + (value.dominant ? ` · ${value.dominant}` : ""));
    card.append(line);
  }
  if (value.value === null) card.append(element("small", local(value.missing_reason)));
  if (value.comparison) {
    const { expected, basis } = value.comparison;
    card.append(element("small", `${t().target}: ${expected === null ? "–" : expected.toLocaleString("vi", { maximumFractionDigits: 1 })} (${t()[basis] || basis})`));
  }
  const age = value.observed_at ? `${span(ageOf(value.observed_at))} ${t().ago}` : t().noData;
  card.append(element("small", [age, isStale && t().stale, value.is_provisional && t().provisional].filter(Boolean).join(" · ")));
  const grades = element("ul", "", "grades");
  for (const [name, grade] of Object.entries(value.grades || {})) {
    if (!grade) continue;
    const mark = element("li", t().grades[name] || name, grade.level || "");
    mark.title = state.language === "vi" ? grade.reason_vi : grade.reason_en;
    grades.append(mark);
  }
  card.append(grades);
  return card;
}

function drawSources() {
  const rows = state.sources.map((source) => {
    const row = element("tr"), name = element("td", local(source.name)), reading = element("td"), steps = element("td");
    name.append(element("small", `${source.ref} · ${source.interface}`));
    const heard = source.status.filter((one) => one.last_received_at);
    const newest = heard.map((one) => one.last_received_at).sort().at(-1);
    const isLive = heard.some((one) => !one.is_stale);
    row.className = isLive ? "live" : "grey";
    if (!source.is_status_known) reading.textContent = t().unknown;
    else if (newest) reading.textContent = `${isLive ? "" : `${t().stale}, `}${span(ageOf(newest))} ${t().ago}`;
    else reading.textContent = source.readiness?.is_connected ? t().noData : t().notConnected;
    const marks = element("div", "", "steps");
    for (const step of source.readiness?.steps || []) {
      const mark = element("span", t().step[step.code] || step.code, step.state || "");
      mark.title = step.evidence;
      marks.append(mark);
    }
    steps.append(marks);
    row.append(name, reading, steps);
    return row;
  });
  $("sources").replaceChildren(...rows);
  $("connected").textContent = t().connected(state.sources.filter((source) => source.readiness?.is_connected).length, state.sources.length);
}

function draw() {
  document.documentElement.lang = state.language;
  for (const place of document.querySelectorAll("[data-t]")) place.textContent = t()[place.dataset.t];
  $("language").textContent = state.language === "vi" ? "English" : "Tiếng Việt";
  const isIn = Boolean(session.access);
  $("sign-in").hidden = isIn || !session.endpoints;
  $("sign-out").hidden = !isIn;
  $("main").hidden = !isIn;
  $("welcome").hidden = isIn;
  $("who").textContent = state.me ? `${state.me.name} · ${state.me.tenant}` : "";
  if (!isIn) return;
  drawAlerts();
  const order = { bad: 0, warning: 1, good: 2, grey: 3 };
  const values = [...state.values].sort((a, b) => (order[a.status] ?? 3) - (order[b.status] ?? 3) || subjectOf(a).localeCompare(subjectOf(b)));
  $("values").replaceChildren(...values.map(drawValue));
  drawSources();
}

function tell(text) {
  $("problem").textContent = text;
  $("problem").hidden = !text;
}

async function start() {
  $("sign-in").addEventListener("click", signIn);
  $("sign-out").addEventListener("click", signOut);
  $("language").addEventListener("click", () => {
    state.language = state.language === "vi" ? "en" : "vi";
    localStorage.setItem("language", state.language);
    draw();
  });
  draw();
  try {
    session.config = await (await fetch("/api/v1/config")).json();
    session.endpoints = await (await fetch(`${session.config.issuer}/.well-known/openid-configuration`)).json();
    await takeCode();
    if (session.access) {
      state.me = await call("me");
      await load();
      follow();
      // Ages grow while nothing arrives; sources have no events of their own.
      setInterval(draw, 15000);
      setInterval(async () => { state.sources = await all("sources"); draw(); }, 60000);
    }
  } catch (error) {
    tell(t().failed + error.message);
  }
  draw();
}

start();
