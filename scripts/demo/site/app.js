/** The demo's page: plain modules, absolute paths, as an app that knows nothing of its tunnel. */

const byId = (id) => document.getElementById(id);
const show = (id, text) => byId(id).textContent = text;

function state(id, text, kind = "") {
  show(id, text);
  byId(id).className = `state ${kind}`;
}

show("public", `port ${location.port || (location.protocol === "https:" ? 443 : 80)}`);

// ------------------------------------------------------------------------------------- events

let events = 0;
const stream = new EventSource("/events");
stream.onopen = () => state("events-state", "live", "good");
stream.onerror = () => state("events-state", "reconnecting", "bad");
stream.onmessage = ({ data }) => {
  const { now, pages, requests, visitor, port } = JSON.parse(data);
  show("clock", new Date(now).toLocaleTimeString([], { hour12: false }));
  show("events", ++events);
  show("requests", requests);
  show("pages", pages);
  show("visitor", visitor);
  show("app", `port ${port}`);
  const route = byId("route");
  route.classList.remove("pulse");
  void route.offsetWidth; // starts the animation anew
  route.classList.add("pulse");
};

// --------------------------------------------------------------------------------------- echo

const POINTS = 40;
const trips = [];
let socket;

function connect() {
  socket = new WebSocket(`${location.protocol.replace("http", "ws")}//${location.host}/echo`);
  socket.onopen = () => {
    state("echo-state", "open", "good");
    ping();
  };
  socket.onclose = () => {
    state("echo-state", "reconnecting", "bad");
    setTimeout(connect, 1000);
  };
  socket.onmessage = ({ data }) => {
    const { at, words } = JSON.parse(data);
    const trip = performance.now() - at;
    show("trip", trip.toFixed(1));
    if (words !== undefined) show("heard", `“${words}” came back after ${trip.toFixed(1)} ms.`);
    trips.push(trip);
    if (trips.length > POINTS) trips.shift();
    draw();
  };
}

function ping(words) {
  if (socket.readyState !== WebSocket.OPEN) return false;
  socket.send(JSON.stringify({ at: performance.now(), words }));
  return true;
}

function draw() {
  const top = Math.max(...trips) * 1.15;
  const step = 240 / (POINTS - 1);
  const points = trips.map((trip, index) => {
    const x = 240 - (trips.length - 1 - index) * step;
    return `${x.toFixed(1)},${(45 - trip / top * 42).toFixed(1)}`;
  });
  byId("trips").innerHTML = `<polyline points="${points.join(" ")}"/>`;
}

connect();
setInterval(() => document.hidden || ping(), 1000);
byId("say").onsubmit = (event) => {
  event.preventDefault();
  const words = byId("words").value.trim();
  if (words !== "" && ping(words)) byId("words").value = "";
};

// ------------------------------------------------------------------------------------- upload

const NOISE_BYTES = 32_000_000;

function upload(body, name) {
  const request = new XMLHttpRequest(); // fetch() tells nothing of its progress
  const since = performance.now();
  const end = (text, bad = false) => {
    show("uploaded", text);
    byId("uploaded").classList.toggle("bad", bad);
    byId("random").disabled = false;
  };
  request.upload.onprogress = ({ loaded, total }) => byId("progress").value = loaded / total;
  request.onerror = () => end("The connection broke off.", true);
  request.onload = () => {
    if (request.status !== 200) return end(`${request.status}: ${request.responseText}`, true);
    const { bytes, sha256 } = JSON.parse(request.responseText);
    const rate = bytes / 1e6 / ((performance.now() - since) / 1000);
    byId("progress").value = 1;
    const size = (bytes / 1e6).toFixed(1);
    end(`${name}: ${size} MB at ${rate.toFixed(0)} MB/s. SHA-256 ${sha256.slice(0, 16)}…`);
    byId("uploaded").title = sha256;
  };
  byId("progress").value = 0;
  byId("random").disabled = true;
  request.open("POST", "/upload");
  request.send(body);
}

byId("random").onclick = () => {
  const noise = new Uint8Array(NOISE_BYTES);
  for (let at = 0; at < noise.length; at += 65536) {
    crypto.getRandomValues(noise.subarray(at, at + 65536));
  }
  upload(noise, "Noise");
};
byId("file").onchange = ({ target }) => {
  const [file] = target.files;
  if (file !== undefined) upload(file, file.name);
  target.value = "";
};

const drop = byId("drop");
drop.ondragover = (event) => {
  event.preventDefault();
  drop.classList.add("over");
};
drop.ondragleave = () => drop.classList.remove("over");
drop.ondrop = (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  const [file] = event.dataTransfer.files;
  if (file !== undefined) upload(file, file.name);
};
