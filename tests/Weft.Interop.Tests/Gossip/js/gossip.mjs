// One js-libp2p peer that gossips, told what to do line by line: {"id":1,"code":"return await ..."}.
// Every answer is one line on stdout that starts with '@'; everything else there is js-libp2p talking.
// Argument: {"gossip":{...options of gossipsub...},"ids":"sha256"}.
import { serve, until as wait } from './shell.mjs'
import { createHash } from 'node:crypto'

const { createLibp2p } = await import('libp2p')
const { tcp } = await import('@libp2p/tcp')
const { noise } = await import('@chainsafe/libp2p-noise')
const { yamux } = await import('@chainsafe/libp2p-yamux')
const { identify, identifyPush } = await import('@libp2p/identify')
const { gossipsub } = await import('@libp2p/gossipsub')
const { multiaddr } = await import('@multiformats/multiaddr')

const args = JSON.parse(process.argv[2] || '{}')

// SHA-256 of author and sequence number: the rule that Weft calls FromSequenceSha256.
const sha256OfFromAndSequence = message => {
  const sequence = Buffer.alloc(8)
  sequence.writeBigUInt64BE(message.sequenceNumber)
  return createHash('sha256').update(message.from.toMultihash().bytes).update(sequence).digest()
}

const node = await createLibp2p({
  start: true,
  addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
  transports: [tcp()],
  connectionEncrypters: [noise()],
  streamMuxers: [yamux()],
  services: {
    identify: identify(),
    push: identifyPush(),
    pubsub: gossipsub({
      allowPublishToZeroTopicPeers: true,
      msgIdFn: args.ids === 'sha256' ? sha256OfFromAndSequence : undefined,
      scoreParams: { IPColocationFactorWeight: 0 },
      ...(args.gossip || {})
    })
  },
  connectionManager: {
    inboundConnectionThreshold: 10000, maxIncomingPendingConnections: 1000, maxConnections: 10000, reconnectRetries: 0,
    // A busy machine is no failure.
    inboundStreamProtocolNegotiationTimeout: 60000, outboundStreamProtocolNegotiationTimeout: 60000,
    inboundUpgradeTimeout: 60000, dialTimeout: 60000, addressDialTimeout: 60000
  },
  connectionMonitor: { enabled: false }
})

const pubsub = node.services.pubsub
const got = [] // [topic, text, from]
pubsub.addEventListener('message', event => got.push([
  event.detail.topic, Buffer.from(event.detail.data).toString(), event.detail.from?.toString()
]))

const to = address => multiaddr(address)
const until = (test, ms = 30000) =>
  wait(test, ms, () => '; got ' + JSON.stringify(got.slice(0, 5)) + ' of ' + got.length)

const scope = { node, pubsub, got, to, until }
serve(scope, { peerId: node.peerId.toString(), addresses: node.getMultiaddrs().map(String) })
