// The page's side of the theatre: draws what the kernel sends, and says what the learner presses. It keeps no game.

const INK = "#1b1b1b", BLUE = [0, 114, 178], ORANGE = [213, 94, 0], PURPLE = "#8b2f6f";  // after Okabe and Ito 2008
const STAGE = 440, CHART = [330, 250];
const ORDER = ["surface", "real", "fake", "pulls", "grid", "history"];
const KEYS = { " ": "play", d: "discriminator", g: "generator", r: "reset" };
const SPEEDS = [2, 8, 30, 60, 240];
const LAYERS = { surface: "what D says", grid: "latent grid", real: "real points", pulls: "arrows" };
const BUSY_AFTER = 2000, CALM = 1000;  // milliseconds

function page(model) {
  const d = model.get("facts").scores ? "the critic (D)" : "D";
  return `
    <div class="gc-controls" role="toolbar" aria-label="Controls">
      <button type="button" data-command="play" aria-keyshortcuts="Space"><span></span> <kbd>space</kbd></button>
      <button type="button" data-command="discriminator" aria-keyshortcuts="d">One turn of ${d} <kbd>d</kbd></button>
      <button type="button" data-command="generator" aria-keyshortcuts="g">One turn of G <kbd>g</kbd></button>
      <button type="button" data-command="reset" aria-keyshortcuts="r">Reset <kbd>r</kbd></button>
      <label>Speed <input type="range" min="0" max="${SPEEDS.length - 1}" step="1"><output></output></label>
    </div>
    <div class="gc-error" role="alert" hidden></div>
    <div class="gc-body">
      <canvas class="gc-stage" role="img"></canvas>
      <div class="gc-side">
        <canvas class="gc-chart" role="img"></canvas>
        <dl></dl>
        <fieldset><legend>Show</legend>${Object.entries(LAYERS).map(([name, words]) =>
          `<label><input type="checkbox" checked data-layer="${name}">${words}</label>`).join("")}</fieldset>
      </div>
    </div>
    <p class="gc-legend"></p>
    <p class="gc-status" role="status"></p>`;
}

// What came: one buffer of float32, cut as facts.shapes says.
function unpack(model) {
  const facts = model.get("facts"), bytes = model.get("frame");
  if (!bytes || !bytes.byteLength) return null;
  const numbers = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  const scene = {};
  let at = 0;
  for (const name of ORDER) {
    const size = facts.shapes[name].reduce((a, b) => a * b, 1);
    scene[name] = numbers.subarray(at, at + size);
    at += size;
  }
  return scene;
}

// D's answers as heights in [-1, 1], and the levels of the lines over them.
function heights(surface, scores) {
  if (!scores) return { values: surface.map((v) => 2 / (1 + Math.exp(-v)) - 1), levels: [-0.8, 0, 0.8], every: 0 };
  let low = Infinity, high = -Infinity;
  for (const v of surface) { low = Math.min(low, v); high = Math.max(high, v); }
  const middle = (low + high) / 2, half = Math.max((high - low) / 2, 1e-6);
  const every = nice((high - low) / 9), levels = [];
  for (let v = Math.ceil(low / every) * every; v < high; v += every) levels.push((v - middle) / half);
  return { values: surface.map((v) => (v - middle) / half), levels, every };
}

function nice(step) {
  const power = 10 ** Math.floor(Math.log10(Math.max(step, 1e-6)));
  return [1, 2, 5, 10].find((m) => m * power >= step) * power;
}

function colours(values, side) {
  const image = new ImageData(side, side);
  for (let row = 0; row < side; row++) for (let column = 0; column < side; column++) {
    const v = values[row * side + column], ink = v > 0 ? BLUE : ORANGE, at = 4 * ((side - 1 - row) * side + column);
    for (let c = 0; c < 3; c++) image.data[at + c] = 255 + (ink[c] - 255) * 0.6 * Math.abs(v);
    image.data[at + 3] = 255;
  }
  const small = document.createElement("canvas");
  small.width = small.height = side;
  small.getContext("2d").putImageData(image, 0, 0);
  return small;
}

// Marching squares: a stroke in each square whose corners lie on both sides of the level.
function contour(pen, values, side, level, place) {
  pen.beginPath();
  for (let y = 0; y < side - 1; y++) for (let x = 0; x < side - 1; x++) {
    const corners = [[x, y], [x + 1, y], [x + 1, y + 1], [x, y + 1]], cuts = [];
    for (let i = 0; i < 4; i++) {
      const [a, b] = [corners[i], corners[(i + 1) % 4]];
      const va = values[a[1] * side + a[0]] - level, vb = values[b[1] * side + b[0]] - level;
      if (va > 0 !== vb > 0) cuts.push(place(a[0] + (va / (va - vb)) * (b[0] - a[0]), a[1] + (va / (va - vb)) * (b[1] - a[1])));
    }
    for (let i = 0; i + 1 < cuts.length; i += 2) { pen.moveTo(...cuts[i]); pen.lineTo(...cuts[i + 1]); }
  }
  pen.stroke();
}

function drawSurface(pen, facts, scene, size) {
  const side = facts.shapes.surface[0], { values, levels } = heights(scene.surface, facts.scores);
  const step = size / (side - 1), place = (x, y) => [x * step, size - y * step];
  pen.drawImage(colours(values, side), -step / 2, -step / 2, size + step, size + step);
  pen.strokeStyle = INK;
  for (const level of levels) {
    const middle = !facts.scores && level === 0;
    pen.lineWidth = middle ? 1.6 : 0.7;
    pen.setLineDash(middle || facts.scores ? [] : [4, 3]);
    contour(pen, values, side, level, place);
  }
  pen.setLineDash([]);
  pen.fillStyle = "#3a3a3a";
  pen.font = "12px sans-serif";
  pen.textAlign = "center";
  for (let y = 2; y < side; y += 4) for (let x = 2; x < side; x += 4) {
    const v = values[y * side + x];
    if (Math.abs(v) > 0.25) pen.fillText(v > 0 ? "+" : "−", x * step, size - y * step + 4);
  }
}

function drawGrid(pen, facts, scene, to) {
  const [, lines, along] = facts.shapes.grid;
  pen.strokeStyle = "#4a4a4a";
  for (let direction = 0; direction < 2; direction++) {
    pen.lineWidth = 0.9;
    pen.setLineDash(direction ? [3, 2] : []);
    for (let line = 0; line < lines; line++) {
      pen.beginPath();
      for (let i = 0; i < along; i++) {
        const at = 2 * ((direction * lines + line) * along + i);
        pen.lineTo(...to(scene.grid[at], scene.grid[at + 1]));
      }
      pen.stroke();
    }
  }
  pen.setLineDash([]);
}

function drawPoints(pen, scene, to, layers) {
  pen.lineWidth = 1;
  if (layers.real) {
    pen.strokeStyle = INK;
    for (let i = 0; i < scene.real.length; i += 2) {
      pen.beginPath();
      pen.arc(...to(scene.real[i], scene.real[i + 1]), 3, 0, 7);
      pen.stroke();
    }
  }
  pen.fillStyle = PURPLE;
  for (let i = 0; i < scene.fake.length; i += 2) {
    const [x, y] = to(scene.fake[i], scene.fake[i + 1]);
    pen.fillRect(x - 2, y - 2, 4, 4);
  }
}

// A pull of 1 is drawn half as long as the longest arrow there is, so that weak and strong ones both can be seen.
function drawPulls(pen, scene, to) {
  pen.strokeStyle = INK;
  pen.lineWidth = 1.4;
  for (let i = 0; i < scene.pulls.length; i += 2) {
    const [x, y] = to(scene.fake[i], scene.fake[i + 1]);
    const dx = scene.pulls[i], dy = -scene.pulls[i + 1], pull = Math.hypot(dx, dy);
    const length = (42 * pull) / (1 + pull);
    if (!(length > 1)) continue;
    const ux = dx / pull, uy = dy / pull, ex = x + length * ux, ey = y + length * uy, head = Math.min(6, length / 2);
    pen.beginPath();
    pen.moveTo(x, y);
    pen.lineTo(ex, ey);
    pen.lineTo(ex - head * (ux + 0.5 * uy), ey - head * (uy - 0.5 * ux));
    pen.moveTo(ex, ey);
    pen.lineTo(ex - head * (ux - 0.5 * uy), ey - head * (uy + 0.5 * ux));
    pen.stroke();
  }
}

function sharp(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.maxWidth = `${width}px`;
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.fillStyle = "#ffffff";
  pen.fillRect(0, 0, width, height);
  return pen;
}

function drawStage(canvas, facts, scene, layers) {
  const pen = sharp(canvas, STAGE, STAGE), scale = STAGE / (2 * facts.limit);
  const to = (x, y) => [(x + facts.limit) * scale, STAGE - (y + facts.limit) * scale];
  if (layers.surface) drawSurface(pen, facts, scene, STAGE);
  if (layers.grid) drawGrid(pen, facts, scene, to);
  drawPoints(pen, scene, to, layers);
  if (layers.pulls) drawPulls(pen, scene, to);
}

// One panel: a curve for each column of the history, told apart by colour and dashes.
function panel(pen, history, top, title, curves, low, high, level) {
  const [left, width, height] = [44, CHART[0] - 52, 92], rows = history.length / 5;
  const first = history[0], last = Math.max(history[5 * (rows - 1)], first + 1);
  const at = (x, y) => [left + ((x - first) / (last - first)) * width,
    top + height * (1 - (Math.min(Math.max(y, low), high) - low) / (high - low))];
  pen.strokeStyle = "#777777";
  pen.lineWidth = 1;
  pen.strokeRect(left, top, width, height);
  pen.fillStyle = INK;
  pen.font = "12px sans-serif";
  pen.textAlign = "right";
  pen.fillText(+high.toFixed(1), left - 4, top + 10);
  pen.fillText(+low.toFixed(1), left - 4, top + height);
  pen.textAlign = "left";
  let x = left;
  for (const [words, column, colour, dash] of [[title], ...curves]) {
    pen.fillStyle = colour || INK;
    const text = words + (dash ? " - -" : column ? " —" : "");
    pen.fillText(text, x, top - 5);
    x += pen.measureText(text).width + 10;
  }
  if (level !== undefined && level < high && level > low) {
    pen.setLineDash([1, 3]);
    pen.beginPath();
    pen.moveTo(...at(first, level));
    pen.lineTo(...at(last, level));
    pen.stroke();
  }
  for (const [, column, colour, dash] of curves) {
    pen.strokeStyle = colour;
    pen.lineWidth = 1.6;
    pen.setLineDash(dash ? [5, 3] : []);
    pen.beginPath();
    for (let i = 0; i < rows; i++) if (isFinite(history[5 * i + column])) pen.lineTo(...at(history[5 * i], history[5 * i + column]));
    pen.stroke();
  }
  pen.setLineDash([]);
}

function drawChart(canvas, facts, history) {
  const pen = sharp(canvas, ...CHART), blue = "#0072b2", orange = "#b34c00";
  let low = 0, high = 0.1;
  for (let i = 0; i < history.length; i += 5) for (const v of [history[i + 1], history[i + 2]]) {
    if (isFinite(v)) { low = Math.min(low, v); high = Math.max(high, v); }
  }
  const losses = [["D", 1, blue, false], ["G", 2, orange, true]];
  panel(pen, history, 22, "losses", losses, low, high, facts.scores ? 0 : Math.log(4));
  const modes = [["of G", 3, orange, true], ["of its average", 4, "#00674c", false]];
  panel(pen, history, 146, "heaps covered", modes, 0, facts.heaps);
  pen.fillStyle = INK;
  pen.textAlign = "right";
  pen.fillText(`${history[history.length - 5]} batches shown`, CHART[0] - 8, CHART[1] - 1);
}

function legend(facts, scene) {
  const d = facts.scores
    ? `Blue and +: the critic's height is above its middle; orange and −: below. A line at every ${+heights(scene.surface, true).every.toPrecision(1)} of height.`
    : "Blue and +: D says real; orange and −: D says fake; the thick line: D says ½; dashed: 10 and 90 %.";
  return `○ real &nbsp; <span class="gc-fake">■</span> fake &nbsp; ${d} An arrow: where G's loss pulls a fake; a pull of 1 is half as ` +
    "long as the longest. Grey lines: a regular latent grid; each of its cells holds as many fakes as any other.";
}

function render({ model, el }) {
  const root = document.createElement("div");
  root.className = "gc-theatre";
  root.tabIndex = 0;
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", "Theatre: the game of two networks in the plane");
  root.innerHTML = page(model);
  el.appendChild(root);
  const find = (query) => root.querySelector(query);
  const still = window.matchMedia("(prefers-reduced-motion: reduce)");
  const drawn = [];
  let asked = 0, newest = performance.now(), last = -Infinity, timer = 0, spoken = -Infinity;
  root.dataset.frames = "0";

  const say = (command, more = {}) => model.send({ command, ...more });
  const command = (name) => say(name === "play" && model.get("facts").playing ? "pause" : name);
  const layers = () => Object.fromEntries([...root.querySelectorAll("[data-layer]")].map((box) => [box.dataset.layer, box.checked]));

  function write(facts, scene) {
    const play = find('[data-command="play"]');
    play.firstElementChild.textContent = facts.playing ? "❚❚ Pause" : "▶ Play";
    find("output").textContent = `${facts.speed} steps a second`;
    find("input[type=range]").setAttribute("aria-valuetext", find("output").textContent);
    const error = find(".gc-error");
    error.hidden = !facts.error;
    if (facts.error) {
      error.replaceChildren(Object.assign(document.createElement("strong"), { textContent: `${facts.error.type}: ` }),
        facts.error.message, document.createElement("br"),
        Object.assign(document.createElement("code"), { textContent: facts.error.where }));
    }
    const rows = Object.entries(facts.numbers).concat([["pictures a second", root.dataset.rate || "0"]]);
    find("dl").innerHTML = rows.map(([name, value]) => `<div><dt>${name}</dt><dd>${value}</dd></div>`).join("");
    if (scene) find(".gc-legend").innerHTML = legend(facts, scene);
    const now = performance.now();
    if (!facts.playing || now - spoken > 2000) {  // words change seldom enough to be read aloud
      spoken = now;
      find(".gc-stage").setAttribute("aria-label", facts.words);
      find(".gc-chart").setAttribute("aria-label", `Curves: ${rows.map((row) => row.join(" ")).join(", ")}`);
    }
    status(facts);
  }

  function status(facts) {
    const waits = facts.playing && performance.now() - newest > BUSY_AFTER;
    const calm = facts.playing && still.matches ? "Playing; a new picture each second, because this device asks for little motion." : "";
    const text = waits ? "The kernel is busy with something else; the game waits for it." : calm || facts.status;
    if (find(".gc-status").textContent !== text) find(".gc-status").textContent = text;
  }

  function draw() {
    asked = 0;
    const facts = model.get("facts"), scene = unpack(model), now = performance.now();
    last = now;
    if (scene) {
      drawStage(find(".gc-stage"), facts, scene, layers());
      drawChart(find(".gc-chart"), facts, scene.history);
    }
    drawn.push(now);
    while (drawn[0] < now - 3000) drawn.shift();
    root.dataset.frames = String(Number(root.dataset.frames) + 1);
    root.dataset.rate = facts.playing ? (drawn.length / 3).toFixed(0) : "0";
    write(facts, scene);
    say("seen", { frame: facts.frame });
  }

  // In a hidden page nothing is drawn, so nothing is reported as seen, and the kernel rests.
  function changed() {
    newest = performance.now();
    const calm = still.matches && model.get("facts").playing && newest - last < CALM;
    if (calm) {
      say("seen", { frame: model.get("facts").frame });
      clearTimeout(timer);
      timer = setTimeout(() => { asked ||= requestAnimationFrame(draw); }, CALM - (newest - last));
    } else asked ||= requestAnimationFrame(draw);
  }

  // At the window, before the notebook: JupyterLab deletes a cell on "d d".
  function pressed(event) {
    const name = KEYS[event.key];
    if (!name || !root.contains(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === " " && event.target.closest("button, input")) return;  // the button's own key
    event.preventDefault();
    event.stopImmediatePropagation();
    command(name);
  }

  find("input[type=range]").value = String(Math.max(SPEEDS.indexOf(model.get("facts").speed), 0));
  find("input[type=range]").addEventListener("input", (event) => say("speed", { value: SPEEDS[Number(event.target.value)] }));
  for (const button of root.querySelectorAll("button")) button.addEventListener("click", () => command(button.dataset.command));
  for (const box of root.querySelectorAll("[data-layer]")) box.addEventListener("change", draw);
  window.addEventListener("keydown", pressed, true);
  const clock = setInterval(() => { if (!asked) status(model.get("facts")); }, 500);  // else it comes with the picture
  model.on("change:facts", changed);
  draw();
  return () => {
    window.removeEventListener("keydown", pressed, true);
    model.off("change:facts", changed);
    clearInterval(clock);
    clearTimeout(timer);
    if (model.get("facts").playing) say("pause");
  };
}

export default { render };
