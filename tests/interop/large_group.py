"""A group of 200 members over 600 partitions: it settles, and settles again when a quarter leaves."""
import sys
import threading
import time

from confluent_kafka import Consumer
from confluent_kafka.admin import AdminClient, NewTopic

ADDRESS, MEMBERS, PARTITIONS = sys.argv[1], 200, 600
SOON_S = 90


def member(number):
    return Consumer({
        'bootstrap.servers': ADDRESS,
        'group.id': 'large',
        'client.id': f'member-{number}',
        'enable.auto.commit': False,
        'partition.assignment.strategy': 'range',
        # A member that is told of a rebalance by its heartbeat should hear of it soon.
        'heartbeat.interval.ms': 500,
    })


def settled(consumers):
    """Each partition is owned once, and nobody is idle."""
    owned = [{it.partition for it in consumer.assignment()} for consumer in consumers]
    return all(owned) and sum(map(len, owned)) == PARTITIONS == len(set().union(*owned))


def wait_until_settled(consumers, started, what):
    while not settled(consumers):
        if SOON_S < time.time() - started:
            sys.exit(f'{what}: not settled after {SOON_S} s')
        time.sleep(0.05)
    print(f'{what}: settled after {time.time() - started:.1f} s')


def main():
    admin = AdminClient({'bootstrap.servers': ADDRESS})
    admin.create_topics([NewTopic('wide', PARTITIONS)])['wide'].result(SOON_S)
    consumers = [member(number) for number in range(MEMBERS)]
    is_over = threading.Event()

    def poll(part):
        while not is_over.is_set():
            for consumer in part:
                consumer.poll(0.001)

    started = time.time()
    for consumer in consumers:
        consumer.subscribe(['wide'])
    stay, leave = consumers[MEMBERS // 4:], consumers[:MEMBERS // 4]
    leaving = threading.Event()
    threads = [threading.Thread(target=poll, args=(stay[k::4],)) for k in range(4)]

    def poll_and_leave():
        while not leaving.is_set():
            for consumer in leave:
                consumer.poll(0.001)
        for consumer in leave:
            consumer.close()

    leaver = threading.Thread(target=poll_and_leave)
    for thread in [*threads, leaver]:
        thread.start()
    wait_until_settled(consumers, started, f'{MEMBERS} members join')
    started = time.time()
    leaving.set()
    leaver.join()
    wait_until_settled(stay, started, f'{len(leave)} members leave')
    is_over.set()
    for thread in threads:
        thread.join()
    print('ok')


main()
