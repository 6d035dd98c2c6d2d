// One js-libp2p peer, told what to do line by line: {"id":1,"code":"return await echo(addr, 'hello')"}.
// Every answer is one line on stdout that starts with '@'; everything else there is js-libp2p talking.
// Argument: {"listen":["/ip4/127.0.0.1/tcp/0"],"key":"RSA","relay":true,"security":["tls","noise"],"mdns":{…}}; all but the
// first may be missing.
import { serve, until as wait } from './shell.mjs'
import { createHash } from 'node:crypto'

const { createLibp2p } = await import('libp2p')
const { tcp } = await import('@libp2p/tcp')
const { webSockets } = await import('@libp2p/websockets')
const { noise } = await import('@chainsafe/libp2p-noise')
const { yamux } = await import('@chainsafe/libp2p-yamux')
const { identify, identifyPush } = await import('@libp2p/identify')
const { ping } = await import('@libp2p/ping')
const { multiaddr } = await import('@multiformats/multiaddr')
const { peerIdFromString } = await import('@libp2p/peer-id')
const keys = await import('@libp2p/crypto/keys')

const { circuitRelayTransport, circuitRelayServer } = await import('@libp2p/circuit-relay-v2')

const args = JSON.parse(process.argv[2] || '{}')
const protections = { noise: noise(), tls: args.security?.includes('tls') ? (await import('@libp2p/tls')).tls() : undefined }
const found = []
const services = {
  identify: identify(),
  push: identifyPush(),
  ping: ping({ maxInboundStreams: 64 }),
  ...(args.relay ? { relay: circuitRelayServer({ reservations: { maxReservations: 10 } }) } : {})
}
const node = await createLibp2p({
  start: true,
  privateKey: args.key ? await keys.generateKeyPair(args.key) : undefined,
  addresses: { listen: args.listen || [] },
  transports: [tcp(), webSockets(), circuitRelayTransport()],
  connectionEncrypters: (args.security || ['noise']).map(name => protections[name]),
  streamMuxers: [yamux()],
  peerDiscovery: args.mdns ? [(await import('@libp2p/mdns')).mdns(args.mdns)] : [],
  services,
  connectionManager: {
    inboundConnectionThreshold: 10000, maxIncomingPendingConnections: 1000, maxConnections: 10000, reconnectRetries: 0,
    // A busy machine is no failure.
    inboundStreamProtocolNegotiationTimeout: 60000, outboundStreamProtocolNegotiationTimeout: 60000,
    inboundUpgradeTimeout: 60000, dialTimeout: 60000, addressDialTimeout: 60000
  },
  connectionMonitor: { enabled: false }
})
node.addEventListener('peer:discovery', event => found.push(event.detail.id.toString()))
const many = { maxInboundStreams: 2000, maxOutboundStreams: 2000, runOnLimitedConnection: true }

const bytes = chunk => chunk.subarray() // A Uint8Array of a list of them.
const pattern = length => Buffer.alloc(length, Buffer.from(Array.from({ length: 251 }, (_, i) => i)))
const hash = data => createHash('sha256').update(data).digest('hex')

async function write (stream, data) {
  for (let at = 0; at < data.length; at += 65536) {
    if (!stream.send(data.subarray(at, at + 65536))) {
      await stream.onDrain()
    }
  }
}

async function readAll (stream) {
  const parts = []
  for await (const chunk of stream) {
    parts.push(Buffer.from(bytes(chunk)))
  }
  return Buffer.concat(parts)
}

// Everything comes back as it comes.
await node.handle('/echo/1.0.0', async stream => {
  for await (const chunk of stream) {
    if (!stream.send(chunk)) {
      await stream.onDrain()
    }
  }
  await stream.close()
}, many)

// Reads to the end, and only then answers: the other side has ended its way, and still reads.
await node.handle('/sum/1.0.0', async stream => {
  const all = await readAll(stream)
  await write(stream, Buffer.from(`${all.length} ${hash(all)}`))
  await stream.close()
}, many)

// Reads a number, sends as many bytes.
await node.handle('/give/1.0.0', async stream => {
  const all = await readAll(stream)
  await write(stream, pattern(Number(all.toString())))
  await stream.close()
}, many)

// Measures throughput: how many bytes are wanted, bytes to the end, then as many as were wanted.
await node.handle('/perf/1.0.0', async stream => {
  let head = Buffer.alloc(0)
  for await (const chunk of stream) {
    if (head.length < 8) {
      head = Buffer.concat([head, bytes(chunk)])
    }
  }
  const piece = new Uint8Array(65536)
  for (let left = Number(head.readBigUInt64BE(0)); left > 0; left -= piece.length) {
    if (!stream.send(left < piece.length ? piece.subarray(0, left) : piece)) {
      await stream.onDrain()
    }
  }
  await stream.close()
}, many)

// Resets as soon as something comes.
await node.handle('/reset/1.0.0', async stream => {
  for await (const chunk of stream) {
    void chunk
    stream.abort(new Error('as asked'))
    return
  }
}, many)

function to (address) { return multiaddr(address) }

async function open (address, protocol) {
  return node.dialProtocol(to(address), protocol, { maxOutboundStreams: 2000, runOnLimitedConnection: true })
}

async function ask (address, protocol, data) {
  const stream = await open(address, protocol)
  const answer = readAll(stream)
  await write(stream, data)
  await stream.close()
  return answer
}

const echo = async (address, text) => (await ask(address, '/echo/1.0.0', Buffer.from(text))).toString()

const until = (test, ms = 10000) => wait(test, ms)

const scope = { node, found, nodeTls: await import('node:tls'), nodeNet: await import('node:net'), to, open, ask, echo, readAll, write, pattern, hash, until, peerIdFromString, keys }
serve(scope, { peerId: node.peerId.toString(), addresses: node.getMultiaddrs().map(String) })
