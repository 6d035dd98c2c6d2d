// One unmodified GUN relay. Arguments: port, JSON list of peers, folder ('' for memory only), axe ('1' or '').
'use strict';
const http = require('http');
const [, , port, peers, folder, axe] = process.argv;
process.chdir(folder || require('os').tmpdir());
const Gun = require('gun');
const web = http.createServer(Gun.serve ? Gun.serve(__dirname) : undefined);
web.listen(Number(port), '127.0.0.1', () => {
  const gun = Gun({
    web, peers: JSON.parse(peers), radisk: !!folder, localStorage: false, file: folder ? 'radata' : false,
    axe: !!axe, multicast: false,
  });
  global.gun = gun;
  process.stdout.write('\n@' + JSON.stringify({ id: 0, value: web.address().port }) + '\n');
});
process.on('uncaughtException', error => process.stderr.write('uncaught ' + error.stack + '\n'));
process.stdin.on('end', () => process.exit(0));
process.stdin.resume();
