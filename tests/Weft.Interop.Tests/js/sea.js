// SEA of gun.js alone, told what to do line by line: {"id":1,"code":"return await SEA.pair()"}.
// Every answer is one line on stdout that starts with '@'; everything else there is SEA talking.
'use strict';
const readline = require('readline');
const SEA = require('gun/sea');
SEA.throw = true; // Else SEA prints what went wrong and gives undefined.

const AsyncFunction = (async () => {}).constructor;
readline.createInterface({ input: process.stdin }).on('line', async line => {
  const { id, code } = JSON.parse(line);
  let answer;
  try {
    const value = await new AsyncFunction('SEA', code)(SEA);
    answer = { id, value: value === undefined ? null : value, isUndefined: value === undefined };
  } catch (error) {
    answer = { id, error: String(error && error.message || error) };
  }
  process.stdout.write('\n@' + JSON.stringify(answer) + '\n');
}).on('close', () => process.exit(0));
process.stdout.write('\n@{"id":0,"value":"ready"}\n');
