// One gun.js client, told what to do line by line: {"id":1,"code":"return await put(gun.get('a').get('b'), 1)"}.
// Every answer is one line on stdout that starts with '@'; everything else there is gun.js talking.
'use strict';
const readline = require('readline');
const net = require('net');
const Gun = require('gun/gun'); // As a page without storage has it.
Gun.log = Gun.log || {};
Gun.log.off = true;

// Users, if asked for: sea.js looks for Gun in the global object.
const withSea = process.argv[3] === 'sea';
if (withSea) {
  global.Gun = Gun;
  require('gun/sea');
}

const WebSocket = require('ws');
const sockets = [];
class Socket extends WebSocket {
  constructor(...args) {
    super(...args);
    sockets.push(this);
    this.on('error', () => {});
  }
}

const urls = JSON.parse(process.argv[2] || '[]');
let gun = open(urls);

function open(peers) {
  return Gun({ peers, WebSocket: Socket, localStorage: false, radisk: false, axe: false, multicast: false });
}

const sleep = ms => new Promise(done => setTimeout(done, ms));

// Writes, and resolves when the relay says that it has stored it.
function put(ref, value) {
  return new Promise((done, fail) => {
    const late = setTimeout(() => fail(new Error('no ack')), 20000);
    ref.put(value, ack => {
      clearTimeout(late);
      ack.err ? fail(new Error('refused: ' + ack.err)) : done(ack.ok || true);
    });
  });
}

function plain(value) {
  if (value && typeof value === 'object') {
    const copy = Object.assign({}, value);
    delete copy._;
    return copy;
  }
  return value;
}

// Reads once; undefined when nobody has it.
function once(ref, wait) {
  return new Promise(done => ref.once(value => done(plain(value)), { wait: wait || 99 }));
}

// Listens until the value satisfies the test.
function until(ref, test, ms) {
  return new Promise((done, fail) => {
    let last;
    const late = setTimeout(() => fail(new Error('never came; last: ' + JSON.stringify(plain(last)))), ms || 15000);
    ref.on((value, key, msg, eve) => {
      last = value;
      if (test(plain(value))) {
        clearTimeout(late);
        if (eve && eve.off) { eve.off(); }
        done(plain(value));
      }
    });
  });
}

// Sends a bare message and resolves with the first answer to it.
function raw(url, message) {
  return new Promise((done, fail) => {
    const socket = new WebSocket(url);
    const late = setTimeout(() => { socket.terminate(); fail(new Error('no answer')); }, 10000);
    socket.on('error', fail);
    socket.on('open', () => socket.send(message instanceof String ? String(message) : JSON.stringify(message)));
    socket.on('message', text => {
      for (const item of [].concat(JSON.parse(text))) {
        if (item['@'] === message['#']) { clearTimeout(late); socket.close(); done(item); }
      }
    });
  });
}

// Cuts the connection as a lost network does; gun.js dials again by itself.
function cut() { sockets.splice(0).forEach(socket => socket.terminate()); }

const AsyncFunction = (async () => {}).constructor;
const vars = {};
const sea = withSea ? require('./sea-user.js')(gun, Gun.SEA) : undefined;
readline.createInterface({ input: process.stdin }).on('line', async line => {
  const { id, code } = JSON.parse(line);
  let answer;
  try {
    const names = ['gun', 'Gun', 'put', 'once', 'until', 'raw', 'cut', 'sleep', 'vars', 'plain', 'WebSocket', 'SEA',
      'sea'];
    const run = new AsyncFunction(...names, code);
    const value = await run(gun, Gun, put, once, until, raw, cut, sleep, vars, plain, WebSocket, Gun.SEA, sea);
    answer = { id, value: value === undefined ? null : value, isUndefined: value === undefined };
  } catch (error) {
    answer = { id, error: String(error && error.message || error) };
  }
  process.stdout.write('\n@' + JSON.stringify(answer) + '\n');
}).on('close', () => process.exit(0));
process.on('uncaughtException', error => process.stderr.write('uncaught ' + error.stack + '\n'));
process.stdout.write('\n@{"id":0,"value":"ready"}\n');
