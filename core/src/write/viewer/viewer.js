// Draws the points of a scan with WebGL 2, turned by mouse, fingers and keys, and names its things.
// Names reach the page as text alone. The element `about` has what is known of the scan as JSON, and
// `points` the points as base64: positions on a grid (3 x u16), things (u16, NONE for none) and colors
// (3 x u8), each for all points, little endian.
'use strict';
(() => {
  const NONE = 0xffff;
  const about = JSON.parse(document.getElementById('about').textContent);
  const canvas = document.querySelector('canvas');
  const label = document.querySelector('.label');
  const list = document.querySelector('ul');
  const byThing = document.querySelector('#by-thing');
  const count = about.points;
  const bytes = Uint8Array.from(atob(document.getElementById('points').textContent), c => c.charCodeAt(0));
  const positions = new Uint16Array(bytes.buffer, 0, 3 * count);
  const owners = new Uint16Array(bytes.buffer, 6 * count, count);
  const colors = bytes.subarray(8 * count);
  const hidden = new Set();
  let selected = NONE;

  // The list

  const rows = about.things.map((thing, index) => {
    const row = document.createElement('li');
    const [name, eye] = [document.createElement('button'), document.createElement('input')];
    const dot = document.createElement('i');
    dot.style.background = `rgb(${thing.color})`;
    name.append(dot, thing.called);
    name.title = `${thing.size.map(edge => edge.toFixed(2)).join(' × ')} m, score ${thing.score.toFixed(2)}`;
    name.onclick = () => select(selected === index ? NONE : index);
    eye.type = 'checkbox';
    eye.checked = true;
    eye.ariaLabel = eye.title = `Show ${thing.called}`;
    eye.onchange = () => {
      eye.checked ? hidden.delete(index) : hidden.add(index);
      paint();
    };
    row.append(name, eye);
    list.append(row);
    return row;
  });

  function select(index) {
    selected = index;
    rows.forEach((row, at) => {
      row.classList.toggle('selected', at === index);
      row.firstChild.ariaPressed = String(at === index);
    });
    rows[index]?.scrollIntoView({ block: 'nearest' });
    const thing = about.things[index];
    label.textContent = thing?.called ?? '';
    paint();
  }

  // The camera

  const center = axis => (about.low[axis] + about.high[axis]) / 2;
  const radius = Math.max(Math.hypot(...about.high.map((high, axis) => high - about.low[axis])) / 2, 0.1);
  const start = () => ({ target: [0, 1, 2].map(center), distance: 2.6 * radius, yaw: -0.8, pitch: 0.6 });
  let camera = start();
  const FOCAL = 1 / Math.tan(Math.PI / 8);

  // Right, up and backward of the camera, as unit vectors.
  function axes() {
    const [sy, cy, sp, cp] = [Math.sin(camera.yaw), Math.cos(camera.yaw), Math.sin(camera.pitch), Math.cos(camera.pitch)];
    return [[-sy, cy, 0], [-sp * cy, -sp * sy, cp], [cp * cy, cp * sy, sp]];
  }

  // Takes world coordinates to clip space, column after column.
  function matrix() {
    const [right, up, back] = axes();
    const { target, distance } = camera;
    const [near, far] = [distance / 1000, distance + 1000 * radius];
    const aspect = canvas.width / canvas.height;
    const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
    const depth = -dot(back, target) - distance;
    const [a, b] = [(far + near) / (near - far), (2 * far * near) / (near - far)];
    const column = i => [right[i] * FOCAL / aspect, up[i] * FOCAL, a * back[i], -back[i]];
    return [...column(0), ...column(1), ...column(2),
      -dot(right, target) * FOCAL / aspect, -dot(up, target) * FOCAL, a * depth + b, -depth];
  }

  // Pixels of a place on the canvas, and its distance from the camera.
  function seen(m, [x, y, z]) {
    const row = i => m[i] * x + m[4 + i] * y + m[8 + i] * z + m[12 + i];
    const w = row(3);
    return [(row(0) / w + 1) / 2 * canvas.clientWidth, (1 - row(1) / w) / 2 * canvas.clientHeight, w];
  }

  // The thing of the nearest point within some pixels of a place on the canvas.
  function thingAt(x, y, reach) {
    const m = matrix();
    const [{ origin, step }, width, height] = [about, canvas.clientWidth, canvas.clientHeight];
    let [best, nearest] = [NONE, Infinity];
    for (let point = 0; point < count; point++) {
      const px = origin[0] + step * positions[3 * point];
      const py = origin[1] + step * positions[3 * point + 1];
      const pz = origin[2] + step * positions[3 * point + 2];
      const w = m[3] * px + m[7] * py + m[11] * pz + m[15];
      if (w <= 0 || w >= nearest || hidden.has(owners[point])) continue;
      const across = ((m[0] * px + m[4] * py + m[8] * pz + m[12]) / w + 1) / 2 * width - x;
      const down = (1 - (m[1] * px + m[5] * py + m[9] * pz + m[13]) / w) / 2 * height - y;
      if (across * across + down * down < reach * reach) [best, nearest] = [owners[point], w];
    }
    return best;
  }

  // The picture

  const gl = canvas.getContext('webgl2', { antialias: false });
  document.querySelector('.failed').hidden = Boolean(gl);
  const painted = new Uint8Array(4 * count);
  let program, paints;

  function compile(kind, source) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }

  function attribute(name, data, size, type, normalized) {
    const at = gl.getAttribLocation(program, name);
    const buffer = gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.bufferData(gl.ARRAY_BUFFER, data, gl.DYNAMIC_DRAW);
    gl.enableVertexAttribArray(at);
    gl.vertexAttribPointer(at, size, type, normalized, 0, 0);
    return buffer;
  }

  function begin() {
    program = gl.createProgram();
    compile(gl.VERTEX_SHADER, `#version 300 es
      in vec3 position; in vec4 color;
      uniform mat4 clip; uniform vec3 origin; uniform float grid, size;
      out vec3 shown;
      void main() {
        gl_Position = color.a > 0.5 ? clip * vec4(origin + grid * position, 1.0) : vec4(0.0, 0.0, 2.0, 1.0);
        gl_PointSize = clamp(size / gl_Position.w, 1.5, 24.0);
        shown = color.rgb;
      }`);
    compile(gl.FRAGMENT_SHADER, `#version 300 es
      precision mediump float;
      in vec3 shown; out vec4 color;
      void main() {
        if (length(gl_PointCoord - 0.5) > 0.5) discard;
        color = vec4(shown, 1.0);
      }`);
    gl.linkProgram(program);
    gl.useProgram(program);
    gl.enable(gl.DEPTH_TEST);
    attribute('position', positions, 3, gl.UNSIGNED_SHORT, false);
    paints = attribute('color', painted, 4, gl.UNSIGNED_BYTE, true);
  }

  // Gives the points their colors: hidden ones have none, and beside what is selected all are dim.
  function paint() {
    for (let point = 0; point < count; point++) {
      const owner = owners[point];
      const thing = about.things[owner];
      const own = byThing.checked ? thing?.color ?? about.unowned : colors.subarray(3 * point, 3 * point + 3);
      const part = selected === NONE || owner === selected ? 1 : 0.3;
      for (let i = 0; i < 3; i++) painted[4 * point + i] = own[i] * part + 110 * (1 - part);
      painted[4 * point + 3] = thing && hidden.has(owner) ? 0 : 255;
    }
    if (gl) {
      gl.bindBuffer(gl.ARRAY_BUFFER, paints);
      gl.bufferSubData(gl.ARRAY_BUFFER, 0, painted);
    }
    draw();
  }

  let due = false;
  function draw() {
    if (due || !gl) return;
    due = true;
    requestAnimationFrame(() => {
      due = false;
      const ratio = window.devicePixelRatio || 1;
      canvas.width = Math.max(1, Math.round(canvas.clientWidth * ratio));
      canvas.height = Math.max(1, Math.round(canvas.clientHeight * ratio));
      const m = matrix();
      const uniform = name => gl.getUniformLocation(program, name);
      const dark = matchMedia('(prefers-color-scheme: dark)').matches ? 0.07 : 0.95;
      gl.viewport(0, 0, canvas.width, canvas.height);
      gl.clearColor(dark, dark, dark + 0.01, 1);
      gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
      gl.uniformMatrix4fv(uniform('clip'), false, m);
      gl.uniform3fv(uniform('origin'), about.origin);
      gl.uniform1f(uniform('grid'), about.step);
      gl.uniform1f(uniform('size'), 1.6 * about.spacing * FOCAL * canvas.height / 2);
      gl.drawArrays(gl.POINTS, 0, count);
      const thing = about.things[selected];
      label.hidden = !thing;
      if (thing) {
        const [x, y, w] = seen(m, thing.top);
        label.hidden = w <= 0;
        label.style.transform = `translate(${x}px, ${y}px) translate(-50%, -100%)`;
      }
    });
  }

  // Mouse, fingers and keys

  function turn(dx, dy) {
    camera.yaw -= dx;
    camera.pitch = Math.min(Math.max(camera.pitch + dy, -1.5), 1.5);
  }
  function pan(dx, dy) {
    const [right, up] = axes();
    const metres = 2 * camera.distance / FOCAL / canvas.clientHeight;
    camera.target = camera.target.map((at, i) => at - (right[i] * dx - up[i] * dy) * metres);
  }
  function zoom(factor) {
    camera.distance = Math.min(Math.max(camera.distance * factor, radius / 200), 20 * radius);
  }

  const fingers = new Map();
  let moved = 0;
  canvas.onpointerdown = event => {
    if (fingers.size === 0) moved = 0;
    fingers.set(event.pointerId, [event.offsetX, event.offsetY]);
    canvas.setPointerCapture(event.pointerId);
  };
  canvas.onpointermove = event => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const [dx, dy] = [event.offsetX - before[0], event.offsetY - before[1]];
    const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
    moved += Math.hypot(dx, dy);
    fingers.set(event.pointerId, [event.offsetX, event.offsetY]);
    if (other) {
      const apart = ([x, y]) => Math.max(Math.hypot(x - other[0], y - other[1]), 1);
      zoom(apart(before) / apart([event.offsetX, event.offsetY]));
      pan(dx / 2, dy / 2);
    } else if (event.shiftKey || event.buttons & 2) {
      pan(dx, dy);
    } else {
      turn(dx / 200, dy / 200);
    }
    draw();
  };
  canvas.onpointerup = canvas.onpointercancel = event => {
    if (event.type === 'pointerup' && moved < 6 && fingers.size === 1) {
      select(thingAt(event.offsetX, event.offsetY, event.pointerType === 'touch' ? 16 : 8));
    }
    fingers.delete(event.pointerId);
  };
  canvas.oncontextmenu = event => event.preventDefault();
  canvas.addEventListener('wheel', event => {
    event.preventDefault();
    zoom(Math.exp(Math.sign(event.deltaY) * Math.min(Math.abs(event.deltaY), 100) / 500));
    draw();
  }, { passive: false });
  canvas.onkeydown = event => {
    const keys = {
      ArrowLeft: () => turn(0.1, 0), ArrowRight: () => turn(-0.1, 0),
      ArrowUp: () => turn(0, 0.1), ArrowDown: () => turn(0, -0.1),
      '+': () => zoom(0.9), '-': () => zoom(1.1), f: () => { camera = start(); },
      Escape: () => select(NONE),
    };
    if (!keys[event.key] || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    keys[event.key]();
    draw();
  };

  byThing.checked = about.painted;
  byThing.onchange = paint;
  canvas.addEventListener('webglcontextlost', event => event.preventDefault());
  canvas.addEventListener('webglcontextrestored', () => { begin(); paint(); });
  new ResizeObserver(draw).observe(canvas);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
  if (gl) begin();
  paint();
})();
