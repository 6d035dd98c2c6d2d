// Signs with gun.js's own SEA, and asks gun.js which puts it takes. One line in: {"id":1,"now":ms}; one line out: cases
// {"name","soul","key","value","state","taken","why"}, each judged by a gun instance that keeps nothing. With "puts" in the
// line, those are judged instead.
'use strict';
const readline = require('readline');
global.Gun = require('gun/gun'); // sea.js looks for it there.
const SEA = require('gun/sea');
const Gun = global.Gun;
Gun.log.off = true;
console.log = () => {};

const sleep = ms => new Promise(done => setTimeout(done, ms));
const raw = { raw: 1 };

async function sign(pair, soul, key, value, state) {
  const signed = await SEA.sign({ '#': soul, '.': key, ':': value, '>': state }, pair, null, raw);
  return { ':': value, '~': signed.s };
}

// What gun.js makes of one put: does it hold it afterwards, and if not, what did it say.
async function judge(item, graph) {
  const gun = Gun({ localStorage: false, radisk: false, axe: false, multicast: false, peers: {} });
  const root = gun._;
  let why = '';
  root.on('out', function (message) {
    if (message.err) { why = String(message.err); }
    this.to.next(message);
  });
  for (const node of graph || []) { root.on('in', { '#': 'g' + Math.random(), put: node }); }
  await sleep(graph ? 60 : 0);
  const node = { _: { '#': item.soul, '>': { [item.key]: item.state } }, [item.key]: JSON.parse(item.value) };
  root.on('in', { '#': 'm' + Math.random(), put: { [item.soul]: node } });
  for (let i = 0; i < 60; i++) {
    await sleep(5);
    const held = root.graph[item.soul];
    if (held && item.key in held) { return Object.assign(item, { taken: true, why, graph }); }
    if (why && i > 3) { break; }
  }
  return Object.assign(item, { taken: false, why, graph });
}

async function make(now) {
  const [alice, bob, eve] = [await SEA.pair(), await SEA.pair(), await SEA.pair()];
  const soul = '~' + alice.pub;
  const cases = [];
  const add = (name, at, key, value, state, graph) =>
    cases.push([{ name, soul: at, key, value: JSON.stringify(value), state }, graph]);
  const text = parts => JSON.stringify(parts);

  // Owner, every kind of value.
  for (const value of ['text', '', '123', '{"a":1}', 'SEA{"ct":"x"}', 'ü😀\u2028"\\', 5, -0.5, 1e21, 1e-7, true, false, null,
    { '#': 'x' }, { b: 1, a: 2 }, { 10: 1, 9: 2, x: { z: 1, a: [1, { q: 1, b: 2 }] } }, [1, 'x']]) {
    add('owner writes ' + JSON.stringify(value), soul, 'k', text(await sign(alice, soul, 'k', value, now)), now);
  }
  const inner = soul + '/deep/er';
  for (const at of [inner, 'foo' + soul, 'a/b' + soul + '/c', soul.replace('.', '/'), soul + '#', soul + '~' + bob.pub]) {
    add('owner writes at ' + at.split(alice.pub).join('A').split(bob.pub).join('B'), at, 'k',
      text(await sign(alice, at, 'k', 'v', now)), now);
  }
  add('fractional state', soul, 'k', text(await sign(alice, soul, 'k', 'v', now + 0.0051)), now + 0.0051);
  add('account key', soul, 'pub', alice.pub, now);
  add('another account key', soul, 'pub', bob.pub, now);
  add('account key of a deeper soul', inner, 'pub', alice.pub, now);
  const good = await sign(alice, soul, 'k', 'v', now);
  add('bare text', soul, 'k', 'v', now);
  for (const bare of [5, true, null, { '#': 'x' }]) { add('bare ' + JSON.stringify(bare), soul, 'k', bare, now); }
  add('no signature', soul, 'k', text({ ':': 'v' }), now);
  add('empty signature', soul, 'k', text({ ':': 'v', '~': '' }), now);
  add('signature that is no base64', soul, 'k', text({ ':': 'v', '~': '!!!' }), now);
  add('tampered value', soul, 'k', text({ ':': 'w', '~': good['~'] }), now);
  add('other key', soul, 'k2', text(good), now);
  add('other soul', inner, 'k', text(good), now);
  add('replayed with a newer state', soul, 'k', text(good), now + 1);
  add('stranger', soul, 'k', text(await sign(eve, soul, 'k', 'v', now)), now);
  add('signed as text behind SEA', soul, 'k', 'SEA' + text(good), now);
  add('no key in the soul: two short parts', '~hello/world', 'k', text(await sign(alice, '~hello/world', 'k', 'v', now)), now);
  add('one part only', 'a~b', 'k', 'v', now);
  add('two tildes', '~~' + alice.pub, 'k', 'v', now);

  // Certificates.
  const certified = async (name, terms, at, key, who, options) => {
    options = options || {};
    const state = options.state || now;
    const m = JSON.stringify(terms);
    const cert = await SEA.sign(m, options.issuer || alice, null, raw);
    const put = await sign(options.signer || who, at, key, 'v', state);
    add('certificate: ' + name, at, key, text(Object.assign(put, { '+': options.cert || cert, '*': who.pub })), state, options.graph);
  };
  const c = bob.pub;
  const w = 'inbox';
  await certified('exact path', { c, w: 'inbox/k' }, soul + '/inbox', 'k', bob);
  await certified('exact key', { c, w: 'k' }, soul, 'k', bob);
  await certified('another path', { c, w: 'inbox/k' }, soul + '/outbox', 'k', bob);
  await certified('prefix', { c, w: { '*': 'inbox' } }, soul + '/inbox/1', 'k', bob);
  await certified('prefix of another', { c, w: { '*': 'inbox' } }, soul + '/outbox', 'k', bob);
  await certified('path lex', { c, w: { '#': 'inbox' } }, soul + '/inbox', 'k', bob);
  await certified('path lex, deeper', { c, w: { '#': 'inbox' } }, soul + '/inbox/x', 'k', bob);
  await certified('path lex prefix', { c, w: { '#': { '*': 'in' } } }, soul + '/inbox/x', 'k', bob);
  await certified('field lex', { c, w: { '.': 'k' } }, soul + '/any', 'k', bob);
  await certified('field lex, other field', { c, w: { '.': 'k' } }, soul + '/any', 'l', bob);
  await certified('path and field', { c, w: { '#': 'inbox', '.': { '*': 'k' } } }, soul + '/inbox', 'kk', bob);
  await certified('path and other field', { c, w: { '#': 'inbox', '.': { '*': 'k' } } }, soul + '/inbox', 'l', bob);
  await certified('path prefix and other field', { c, w: { '#': { '*': 'inbox' }, '.': 'k' } }, soul + '/inbox', 'l', bob);
  await certified('range', { c, w: { '>': 'a', '<': 'c' } }, soul + '/b', 'k', bob);
  await certified('range, beyond', { c, w: { '>': 'a', '<': 'c' } }, soul + '/d', 'k', bob);
  await certified('from', { c, w: { '>': 'm' } }, soul + '/z', 'k', bob);
  await certified('to', { c, w: { '<': 'm' } }, soul + '/z', 'k', bob);
  await certified('equal in a lex', { c, w: { '=': 'inbox/k' } }, soul + '/inbox', 'k', bob);
  await certified('list, second fits', { c, w: ['no', { '*': 'inbox' }] }, soul + '/inbox', 'k', bob);
  await certified('list, none fits', { c, w: ['no', 'neither'] }, soul + '/inbox', 'k', bob);
  await certified('empty prefix', { c, w: { '*': '' } }, soul + '/inbox', 'k', bob);
  await certified('everybody', { c: '*', w: { '*': w } }, soul + '/inbox', 'k', eve);
  await certified('everybody in a list', { c: ['*'], w: { '*': w } }, soul + '/inbox', 'k', eve);
  await certified('list of two writers', { c: [bob.pub, eve.pub], w: { '*': w } }, soul + '/inbox', 'k', bob);
  await certified('for somebody else', { c, w: { '*': w } }, soul + '/inbox', 'k', eve);
  await certified('not yet expired', { c, w: { '*': w }, e: now + 1000 }, soul + '/inbox', 'k', bob);
  await certified('expires now', { c, w: { '*': w }, e: now }, soul + '/inbox', 'k', bob);
  await certified('expired', { c, w: { '*': w }, e: now - 1 }, soul + '/inbox', 'k', bob);
  await certified('expired, end as text', { c, w: { '*': w }, e: String(now - 1) }, soul + '/inbox', 'k', bob);
  await certified('issued by a stranger', { c, w: { '*': w } }, soul + '/inbox', 'k', bob, { issuer: eve });
  await certified('put signed by another', { c, w: { '*': w } }, soul + '/inbox', 'k', bob, { signer: eve });
  await certified('without write paths', { c, r: { '*': w } }, soul + '/inbox', 'k', bob);
  await certified('must hold the key, does', { c, w: { '*': w, '+': '*' } }, soul + '/inbox/' + bob.pub, 'k', bob);
  await certified('must hold the key, field does', { c, w: { '*': w, '+': '*' } }, soul + '/inbox', bob.pub, bob);
  await certified('must hold the key, does not', { c, w: { '*': w, '+': '*' } }, soul + '/inbox', 'k', bob);
  await certified('must hold the key, no path', { c, w: { '*': 'k', '+': '*' } }, soul, 'k', bob);
  const issued = JSON.parse((await SEA.certify([bob.pub], { '*': w }, alice, null, { expiry: now + 5000 })).slice(3));
  await certified('made by certify', {}, soul + '/inbox', 'k', bob, { cert: issued });
  const changed = JSON.parse(JSON.stringify(issued));
  changed.m.e = now + 9000000;
  await certified('made by certify, end moved', {}, soul + '/inbox', 'k', bob, { cert: changed });
  const list = '~' + alice.pub + '/blocked';
  const blockNode = async blocked => [{ [list]: Object.assign({ _: { '#': list, '>': { [bob.pub]: now - 9 } } },
    { [bob.pub]: text(await sign(alice, list, bob.pub, blocked, now - 9)) }) }];
  await certified('block list, blocked', { c, w: { '*': w }, wb: list }, soul + '/inbox', 'k', bob, { graph: await blockNode(true) });
  await certified('block list, 1', { c, w: { '*': w }, wb: { '#': list } }, soul + '/inbox', 'k', bob, { graph: await blockNode(1) });
  await certified('block list, not blocked', { c, w: { '*': w }, wb: list }, soul + '/inbox', 'k', bob, { graph: await blockNode(false) });
  add('names another writer without certificate', soul, 'k',
    text(Object.assign(await sign(eve, soul, 'k', 'v', now), { '*': eve.pub })), now);

  // Names, content, age.
  add('alias list', '~@', 'alice', { '#': '~@alice' }, now);
  add('alias list, other link', '~@', 'alice', { '#': '~@bob' }, now);
  add('alias', '~@alice', '~' + alice.pub, { '#': '~' + alice.pub }, now);
  add('alias, other link', '~@alice', '~' + alice.pub, { '#': '~' + bob.pub }, now);
  add('alias, null', '~@alice', '~' + alice.pub, null, now);
  const hash = value => SEA.work(value, null, null, { name: 'SHA-256' });
  const hex = value => SEA.work(value, null, null, { name: 'SHA-256', encode: 'hex' });
  for (const value of ['hello', 'ü😀', 5, true, { '#': 'x' }]) {
    add('content ' + JSON.stringify(value), '#', await hash(value), value, now);
    add('content behind a name ' + JSON.stringify(value), 'docs#', 'a#' + await hash(value), value, now);
    add('content in hex ' + JSON.stringify(value), '#', await hex(value), value, now);
  }
  add('content in capitals', '#', (await hex('hello')).toUpperCase(), 'hello', now);
  add('other content', '#', await hash('hello'), 'hellO', now);
  add('no hash', '#', 'hello', 'hello', now);
  add('young enough', 'log<?60', 'k', 'v', now);
  add('too old', 'log<?60', 'k', 'v', now - 120000);
  add('any age', 'log<?', 'k', 'v', now - 120000);
  const old = soul + '/log<?60';
  add('signed and young', old, 'k', text(await sign(alice, old, 'k', 'v', now)), now);
  add('signed and too old', old, 'k', text(await sign(alice, old, 'k', 'v', now - 120000)), now - 120000);
  add('ordinary', 'plain', 'k', 'v', now);

  const judged = await Promise.all(cases.map(([item, graph]) => judge(item, graph)));
  return { judged, alice, bob, blocked: list };
}

readline.createInterface({ input: process.stdin }).on('line', async line => {
  const { id, now, puts } = JSON.parse(line);
  let value, error;
  try { value = puts ? await Promise.all(puts.map(put => judge(put))) : await make(now); } catch (problem) { error = String(problem && problem.stack || problem); }
  process.stdout.write('\n@' + JSON.stringify(error ? { id, error } : { id, value }) + '\n');
}).on('close', () => process.exit(0));
process.stdout.write('\n@{"id":0,"value":"ready"}\n');
