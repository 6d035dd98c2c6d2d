// One or several js-libp2p peers with kad-dht, told what to do line by line: {"id":1,"code":"return await ..."}.
// Every answer is one line on stdout that starts with '@'; everything else there is js-libp2p talking.
// Argument: {"count":1,"protocol":"/weft/kad/1.0.0","client":false}.
import { serve, until as wait } from './shell.mjs'

const { createLibp2p } = await import('libp2p')
const { tcp } = await import('@libp2p/tcp')
const { noise } = await import('@chainsafe/libp2p-noise')
const { yamux } = await import('@chainsafe/libp2p-yamux')
const { identify, identifyPush } = await import('@libp2p/identify')
const { ping } = await import('@libp2p/ping')
const { kadDHT, passthroughMapper } = await import('@libp2p/kad-dht')
const { peerIdFromString } = await import('@libp2p/peer-id')
const { multiaddr } = await import('@multiformats/multiaddr')
const { CID } = await import('multiformats/cid')
const { sha256 } = await import('multiformats/hashes/sha2')
const raw = await import('multiformats/codecs/raw')

const args = JSON.parse(process.argv[2] || '{}')

// The open namespace: anything is valid, and of several values the one with the greater bytes stands.
const validators = { open: async () => {} }
const selectors = {
  open: (key, records) => records.reduce((best, one, i) => Buffer.compare(one, records[best]) > 0 ? i : best, 0)
}

const start = () => createLibp2p({
  start: true,
  addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
  transports: [tcp()],
  connectionEncrypters: [noise()],
  streamMuxers: [yamux()],
  services: {
    identify: identify(),
    push: identifyPush(),
    ping: ping(),
    dht: kadDHT({
      protocol: args.protocol || '/weft/kad/1.0.0',
      clientMode: args.client || false,
      peerInfoMapper: passthroughMapper,
      allowQueryWithZeroPeers: true,
      validators,
      selectors
    })
  },
  connectionManager: {
    inboundConnectionThreshold: 10000, maxIncomingPendingConnections: 1000, maxConnections: 10000, reconnectRetries: 0,
    inboundStreamProtocolNegotiationTimeout: 60000, outboundStreamProtocolNegotiationTimeout: 60000,
    inboundUpgradeTimeout: 60000, dialTimeout: 60000, addressDialTimeout: 60000
  },
  connectionMonitor: { enabled: false }
})

const nodes = []
for (let i = 0; i < (args.count || 1); i++) nodes.push(await start())
const node = nodes[0]
const dht = node.services.dht
if (!args.client) for (const one of nodes) await one.services.dht.setMode('server')

const bytes = text => new TextEncoder().encode(text)
const text = data => new TextDecoder().decode(data)
const to = address => multiaddr(address)
const cidOf = async content => CID.createV1(raw.code, await sha256.digest(bytes(content)))
const until = (test, ms = 45000) => wait(test, ms)
const late = () => ({ signal: AbortSignal.timeout(45000) })
const put = async (of, key, value) => {
  let kept = 0
  for await (const event of of.services.dht.put(bytes(key), bytes(value), late())) {
    if (event.name === 'PEER_RESPONSE' && event.messageName === 'PUT_VALUE') kept++
  }
  return kept
}
const get = async (of, key) => {
  for await (const event of of.services.dht.get(bytes(key), late())) {
    if (event.name === 'VALUE') return text(event.value)
  }
  return null
}
const provide = async (of, content) => {
  for await (const event of of.services.dht.provide(await cidOf(content), late())) { void event }
  return true
}
const providers = async (of, content) => {
  const found = []
  for await (const event of of.services.dht.findProviders(await cidOf(content), late())) {
    if (event.name === 'PROVIDER') found.push(...event.providers.map(one => one.id.toString()))
    if (found.length > 0) break
  }
  return found
}
const findPeer = async (of, id) => {
  for await (const event of of.services.dht.findPeer(peerIdFromString(id), late())) {
    if (event.name === 'FINAL_PEER') return event.peer.multiaddrs.map(String)
  }
  return null
}

const scope = { nodes, node, dht, to, until, put, get, provide, providers, findPeer, peerIdFromString, bytes, text }
serve(scope, nodes.map(one => ({ peerId: one.peerId.toString(), addresses: one.getMultiaddrs().map(String) })))
