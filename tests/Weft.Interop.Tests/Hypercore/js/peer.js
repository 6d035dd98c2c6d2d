// One hypercore, told what to do line by line: {"id":1,"code":"return await append(['a', 'b'])"}.
// Every answer is one line on stdout that starts with '@'.
'use strict';
const net = require('net');
const readline = require('readline');
const Hypercore = require('hypercore');
const hypercoreCrypto = require('hypercore-crypto');
const SecretStream = require('@hyperswarm/secret-stream');

const folder = process.argv[2];
const state = { core: null, server: null, streams: [], events: [] };

// Opens the core: a writer from a seed (hex), or a reader from a key (hex).
async function open({ seed, key, secret }) {
  const options = secret ? { encryption: { key: Buffer.from(secret, 'hex') } } : {};
  if (seed) options.keyPair = hypercoreCrypto.keyPair(Buffer.from(seed, 'hex'));
  state.core = new Hypercore(folder, key ? Buffer.from(key, 'hex') : null, options);
  await state.core.ready();
  state.core.on('truncate', (length, fork) => state.events.push('truncate ' + length + ' ' + fork));
  state.core.on('conflict', () => state.events.push('conflict'));
  state.core.on('verification-error', error => state.events.push('verification ' + error.code));
  return info();
}

function info() {
  const { core } = state;
  return {
    key: core.key.toString('hex'), length: core.length, fork: core.fork, byteLength: core.byteLength,
    contiguousLength: core.contiguousLength, events: state.events,
  };
}

function carry(isInitiator, socket) {
  socket.on('error', () => {});
  const stream = new SecretStream(isInitiator, socket);
  stream.on('error', error => state.events.push('stream ' + error.message));
  state.core.replicate(stream);
  state.streams.push(stream);
}

function listen() {
  return new Promise(done => {
    state.server = net.createServer(socket => carry(false, socket));
    state.server.listen(0, '127.0.0.1', () => done(state.server.address().port));
  });
}

function connect(port) { carry(true, net.connect(port, '127.0.0.1')); }

function cut() { state.streams.splice(0).forEach(stream => stream.destroy()); }

async function append(blocks) {
  await state.core.append(blocks.map(block => Buffer.from(block)));
  return info();
}

// Appends many blocks of the rule "block-<i>".
async function fill(count) {
  const start = state.core.length;
  await state.core.append(Array.from({ length: count }, (_, i) => Buffer.from('block-' + (start + i))));
  return info();
}

async function truncate(length) {
  await state.core.truncate(length);
  return info();
}

async function get(index, timeout) {
  const block = await state.core.get(index, { timeout: timeout || 20000 });
  return block.toString('hex');
}

async function download(start, end) {
  await state.core.download({ start, end }).done();
  return info();
}

// Resolves when the condition over info() holds, looked at on every event of the core.
async function until(condition) {
  const { core } = state;
  const late = Date.now() + 30000;
  while (!condition(info())) {
    if (Date.now() > late) throw new Error('never: ' + condition + ' with ' + JSON.stringify(info()));
    await new Promise(done => {
      const timer = setTimeout(go, 50);
      function go() { clearTimeout(timer); core.off('append', go); core.off('truncate', go); done(); }
      core.once('append', go);
      core.once('truncate', go);
    });
  }
  return info();
}

const AsyncFunction = (async () => {}).constructor;
const names = { open, info, listen, connect, cut, append, fill, truncate, get, download, until, state };
readline.createInterface({ input: process.stdin }).on('line', async line => {
  const { id, code } = JSON.parse(line);
  let answer;
  try {
    const value = await new AsyncFunction(...Object.keys(names), code)(...Object.values(names));
    answer = { id, value: value === undefined ? null : value };
  } catch (error) {
    answer = { id, error: String(error && error.stack || error) };
  }
  process.stdout.write('\n@' + JSON.stringify(answer) + '\n');
}).on('close', () => process.exit(0));
process.on('uncaughtException', error => process.stderr.write('uncaught ' + error.stack + '\n'));
process.stdout.write('\n@{"id":0,"value":"ready"}\n');
