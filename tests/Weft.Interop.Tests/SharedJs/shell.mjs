// What the scripts of js-libp2p peers have in common; copied beside each of them, because packages are looked up from there.
import readline from 'node:readline'

// What js-libp2p takes for granted and Node 20 does not have.
if (!Promise.withResolvers) {
  Promise.withResolvers = function () {
    let resolve, reject
    const promise = new this((a, b) => { resolve = a; reject = b })
    return { promise, resolve, reject }
  }
}
globalThis.WebSocket ??= (await import('ws')).WebSocket
globalThis.CustomEvent ??= class CustomEvent extends Event {
  constructor (type, init) { super(type, init); this.detail = init?.detail }
}

// Waits until a test gives something; detail says more in the error.
export const until = async (test, ms, detail = () => '') => {
  for (let waited = 0; waited < ms; waited += 20) {
    const value = await test()
    if (value) return value
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  throw new Error('it never came true' + detail())
}

// Runs the lines of stdin, {"id":1,"code":"return await ..."}, with the names of scope in reach. Every answer is one line
// on stdout that starts with '@'; everything else there is js-libp2p talking. Hello is the answer to 0.
export const serve = (scope, hello) => {
  const AsyncFunction = Object.getPrototypeOf(async () => {}).constructor
  const say = answer => process.stdout.write('@' + JSON.stringify(answer) + '\n')
  readline.createInterface({ input: process.stdin }).on('line', async line => {
    const { id, code } = JSON.parse(line)
    try {
      say({ id, value: await new AsyncFunction(...Object.keys(scope), code)(...Object.values(scope)) })
    } catch (error) {
      say({ id, error: String(error && error.stack ? error.stack : error) })
    }
  }).on('close', () => process.exit(0))

  say({ id: 0, value: hello })
}
