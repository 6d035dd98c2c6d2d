// Merges histories with gun.js itself. A line in: {"id":1,"histories":[["{soul:node}",...],...]}; a line out: the graphs.
'use strict';
const readline = require('readline');
const Gun = require('gun/gun');
Gun.log.off = true;

async function merge(puts) {
  const gun = Gun({ localStorage: false, radisk: false, axe: false, multicast: false, peers: {} });
  const root = gun._;
  puts.forEach((put, i) => root.on('in', { '#': 'm' + i + Math.random(), put: JSON.parse(put) }));
  for (let last = null, i = 0; i < 200; i++) {
    await new Promise(done => setImmediate(done));
    const now = JSON.stringify(root.graph);
    if (now === last && i > 3) { break; }
    last = now;
  }
  return root.graph;
}

readline.createInterface({ input: process.stdin }).on('line', async line => {
  const { id, histories } = JSON.parse(line);
  const value = [];
  for (const puts of histories) { value.push(await merge(puts)); }
  process.stdout.write('\n@' + JSON.stringify({ id, value }) + '\n');
}).on('close', () => process.exit(0));
process.stdout.write('\n@{"id":0,"value":"ready"}\n');
