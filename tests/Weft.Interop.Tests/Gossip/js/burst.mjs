// One js-libp2p peer publishes a burst, ten receive it; all in this process. Prints one line of JSON.
// Argument: {"messages":2000,"subscribers":10,"bytes":200}.
import process from 'node:process'
import './shell.mjs'

const { createLibp2p } = await import('libp2p')
const { tcp } = await import('@libp2p/tcp')
const { noise } = await import('@chainsafe/libp2p-noise')
const { yamux } = await import('@chainsafe/libp2p-yamux')
const { identify } = await import('@libp2p/identify')
const { gossipsub } = await import('@libp2p/gossipsub')

const args = JSON.parse(process.argv[2] || '{}')
const messages = args.messages || 2000
const count = args.subscribers || 10
const bytes = args.bytes || 200

const start = () => createLibp2p({
  start: true,
  addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
  transports: [tcp()],
  connectionEncrypters: [noise()],
  streamMuxers: [yamux()],
  services: {
    identify: identify(),
    pubsub: gossipsub({ allowPublishToZeroTopicPeers: true, scoreParams: { IPColocationFactorWeight: 0 } })
  },
  connectionManager: { inboundConnectionThreshold: 10000, maxIncomingPendingConnections: 1000 },
  connectionMonitor: { enabled: false }
})
const until = async test => {
  while (!test()) await new Promise(resolve => setTimeout(resolve, 20))
}

const publisher = await start()
const subscribers = []
let got = 0
for (let i = 0; i < count; i++) {
  const one = await start()
  one.services.pubsub.addEventListener('message', () => { got++ })
  one.services.pubsub.subscribe('t')
  await one.dial(publisher.getMultiaddrs()[0])
  subscribers.push(one)
}
await until(() => publisher.services.pubsub.getSubscribers('t').length === count)

const burst = async size => {
  const before = got
  const cpu = process.cpuUsage()
  const begin = process.hrtime.bigint()
  for (let i = 0; i < size; i++) {
    await publisher.services.pubsub.publish('t', Buffer.alloc(bytes, i % 251))
  }
  await until(() => got - before === size * count)
  const used = process.cpuUsage(cpu)
  return {
    seconds: Number(process.hrtime.bigint() - begin) / 1e9,
    cpuMicroseconds: (used.user + used.system) / size
  }
}
await burst(messages) // Warm.
const runs = []
for (let i = 0; i < 3; i++) runs.push(await burst(messages))
console.log('@' + JSON.stringify(runs))
process.exit(0)
