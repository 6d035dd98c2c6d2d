// GUN's own relay as its documentation starts it, on loopback and a free port.
// Arguments: the mode ("disk": radisk and AXE, GUN's default; "memory": radisk off) and the folder to keep data in.
import { createRequire } from 'node:module';
import http from 'node:http';
import path from 'node:path';

const require = createRequire(import.meta.url);
const Gun = require('gun');
const [mode, folder] = process.argv.slice(2);

const server = http.createServer();
const options = { web: server, multicast: false, file: path.join(folder, 'radata') };
if (mode === 'memory') {
  options.radisk = false;
}

Gun(options);
server.listen(0, '127.0.0.1', () => console.log(`ready http://127.0.0.1:${server.address().port}/gun`));
process.on('SIGTERM', () => process.exit(0));
