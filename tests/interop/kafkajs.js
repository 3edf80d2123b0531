// kafkajs against a broker: two members share a topic, one leaves, the other goes on from what was
// committed; groups are listed, described, reset and deleted.

const assert = require('node:assert');
const { once, EventEmitter } = require('node:events');
const { AssignerProtocol, Kafka, logLevel } = require('kafkajs');

const [address] = process.argv.slice(2);
const topic = 'kafkajs';
const groupId = 'kafkajs-group';
const kafka = new Kafka({ clientId: 'kt', brokers: [address], logLevel: logLevel.ERROR });
const admin = kafka.admin();
const said = new EventEmitter();
const read = [];

/** Waits until something holds, which is looked at after each event. */
async function until(what, holds) {
  const deadline = AbortSignal.timeout(30_000);
  while (!holds()) {
    await once(said, 'event', { signal: deadline }).catch(() => assert.fail(`not in 30 s: ${what}`));
  }
}

/** A member that commits by hand: what it owns. */
async function join() {
  const consumer = kafka.consumer({ groupId, heartbeatInterval: 100, maxWaitTimeInMs: 100 });
  const member = { consumer, owned: [] };
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    member.owned = payload.memberAssignment[topic] ?? [];
    said.emit('event');
  });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachMessage: async ({ partition, message }) => {
      read.push(`${partition}:${message.offset}:${message.value}`);
      said.emit('event');
    },
  });
  return member;
}

async function produce(from, to) {
  const producer = kafka.producer({ idempotent: true });
  await producer.connect();
  const messages = [];
  for (let number = from; number < to; number += 1) {
    messages.push({ partition: number % 6, value: `${number}` });
  }
  await producer.send({ topic, messages, acks: -1 });
  await producer.disconnect();
}

function owns(...members) {
  const owned = members.flatMap((it) => it.owned).sort();
  return owned.join() === '0,1,2,3,4,5' && members.every((it) => it.owned.length === 6 / members.length);
}

async function shareAndResume() {
  const first = await join();
  await until('one member owns all', () => owns(first));
  await until('all is read', () => read.length === 60);
  assert.strictEqual(new Set(read).size, 60, 'a record was read twice');
  const second = await join();
  await until('two members share', () => owns(first, second));
  const described = (await admin.describeGroups([groupId])).groups[0];
  assert.strictEqual(described.state, 'Stable');
  assert.strictEqual(described.protocol, 'RoundRobinAssigner');
  assert.strictEqual(described.members.length, 2);
  const owned = described.members.flatMap(
    (it) => AssignerProtocol.MemberAssignment.decode(it.memberAssignment).assignment[topic],
  );
  assert.deepStrictEqual(owned.sort(), [0, 1, 2, 3, 4, 5]);
  await assert.rejects(admin.deleteGroups([groupId]), (error) => error.groups[0].error.type === 'NON_EMPTY_GROUP');
  const offsets = [0, 1, 2, 3, 4, 5].map((partition) => ({ topic, partition, offset: '10', metadata: 'half' }));
  await second.consumer.commitOffsets(offsets);
  await second.consumer.disconnect();
  await until('the one that stays owns all', () => owns(first));
  await first.consumer.disconnect();
  const fetched = await admin.fetchOffsets({ groupId, topics: [topic] });
  const committed = fetched[0].partitions.map((it) => `${it.offset} ${it.metadata}`);
  assert.deepStrictEqual(committed, Array(6).fill('10 half'));
  read.length = 0;
  await produce(60, 120);
  const resumed = await join();
  await until('what is new is read', () => read.length >= 60);
  assert.deepStrictEqual(read.map((it) => Number(it.split(':')[1])).filter((it) => it < 10), []);
  await resumed.consumer.disconnect();
}

async function administer() {
  const { groups } = await admin.listGroups();
  assert.ok(groups.some((it) => it.groupId === groupId && it.protocolType === 'consumer'), groups);
  // As a member that seeks: it waits for an empty fetch of 5 s.
  await admin.resetOffsets({ groupId, topic, earliest: true });
  const [{ partitions }] = await admin.fetchOffsets({ groupId, topics: [topic], resolveOffsets: true });
  assert.ok(partitions.every((it) => it.offset === '0'), partitions);
  await admin.deleteGroups([groupId]);
  const gone = (await admin.describeGroups([groupId])).groups[0];
  assert.strictEqual(gone.state, 'Dead');
}

async function main() {
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions: 6, replicationFactor: 1 }] });
  await produce(0, 60);
  await shareAndResume();
  await administer();
  await admin.disconnect();
  console.log('ok');
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
