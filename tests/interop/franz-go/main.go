// franz-go against a broker: members with each balancer share a topic, come and go; static members
// keep their place; commits, and what its admin client asks about groups.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	topic      = "franz"
	partitions = 6
	records    = 60
)

var (
	address string
	ctx     context.Context
)

func check(holds bool, said ...any) {
	if !holds {
		panic(fmt.Sprint(said...))
	}
}

func must(err error) {
	check(err == nil, err)
}

// member is one consumer of a group with its own poll loop.
type member struct {
	client *kgo.Client
	mutex  sync.Mutex
	owned  map[int32]bool
	lost   int
	read   []*kgo.Record
	ended  chan struct{}
}

func join(group string, balancer kgo.GroupBalancer, more ...kgo.Opt) *member {
	it := &member{owned: map[int32]bool{}, ended: make(chan struct{})}
	change := func(is bool) func(context.Context, *kgo.Client, map[string][]int32) {
		return func(_ context.Context, _ *kgo.Client, changed map[string][]int32) {
			it.mutex.Lock()
			defer it.mutex.Unlock()
			for _, partition := range changed[topic] {
				check(it.owned[partition] != is, "assigned or revoked twice: ", partition)
				if is {
					it.owned[partition] = true
				} else {
					delete(it.owned, partition)
				}
			}
		}
	}
	revoked := change(false)
	options := append([]kgo.Opt{
		kgo.SeedBrokers(address), kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.Balancers(balancer),
		kgo.DisableAutoCommit(), kgo.HeartbeatInterval(100 * time.Millisecond), kgo.FetchMaxWait(100 * time.Millisecond),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.OnPartitionsAssigned(change(true)),
		kgo.OnPartitionsRevoked(revoked),
		kgo.OnPartitionsLost(func(ctx context.Context, client *kgo.Client, lost map[string][]int32) {
			revoked(ctx, client, lost)
			it.mutex.Lock()
			defer it.mutex.Unlock()
			it.lost++
		}),
	}, more...)
	client, err := kgo.NewClient(options...)
	must(err)
	it.client = client
	go it.poll()
	return it
}

func (it *member) poll() {
	defer close(it.ended)
	for {
		fetches := it.client.PollFetches(ctx)
		if fetches.IsClientClosed() {
			return
		}
		it.mutex.Lock()
		it.read = append(it.read, fetches.Records()...)
		it.mutex.Unlock()
	}
}

func (it *member) leave() {
	it.client.Close()
	<-it.ended
}

func (it *member) has() ([]int32, int) {
	it.mutex.Lock()
	defer it.mutex.Unlock()
	var owned []int32
	for partition := range it.owned {
		owned = append(owned, partition)
	}
	return owned, len(it.read)
}

func until(what string, holds func() bool) {
	for !holds() {
		select {
		case <-ctx.Done():
			panic("not in time: " + what)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// share waits until each partition has one owner and the members have as many as each other.
func share(members ...*member) {
	until(fmt.Sprint(len(members), " members share"), func() bool {
		var all []int32
		for _, it := range members {
			owned, _ := it.has()
			if len(owned) != partitions/len(members) {
				return false
			}
			all = append(all, owned...)
		}
		slices.Sort(all)
		return slices.Equal(all, []int32{0, 1, 2, 3, 4, 5})
	})
}

func produce(client *kgo.Client, from, to int) {
	var batch []*kgo.Record
	for number := from; number < to; number++ {
		batch = append(batch, &kgo.Record{Topic: topic, Partition: int32(number % partitions), Value: []byte(strconv.Itoa(number))})
	}
	must(client.ProduceSync(ctx, batch...).FirstErr())
}

func readOnce(from int, members ...*member) {
	until("all is read", func() bool {
		var sum int
		for _, it := range members {
			_, count := it.has()
			sum += count
		}
		return sum >= records
	})
	seen := map[string]bool{}
	for _, it := range members {
		for _, record := range it.read {
			number, err := strconv.Atoi(string(record.Value))
			must(err)
			check(from <= number && !seen[string(record.Value)], "read twice or before its time: ", number)
			seen[string(record.Value)] = true
		}
		it.read = nil
	}
	check(len(seen) == records, len(seen))
}

func everyBalancer(producer *kgo.Client, admin *kadm.Client) {
	from := 0
	for _, balancer := range []kgo.GroupBalancer{
		kgo.RangeBalancer(), kgo.RoundRobinBalancer(), kgo.StickyBalancer(), kgo.CooperativeStickyBalancer(),
	} {
		group := "franz-" + balancer.ProtocolName()
		at := kadm.Offsets{}
		for partition := range int32(partitions) {
			at.AddOffset(topic, partition, int64(from/partitions), 0)
		}
		must(admin.CommitAllOffsets(ctx, group, at))
		first, second := join(group, balancer), join(group, balancer)
		share(first, second)
		produce(producer, from, from+records)
		readOnce(from, first, second)
		from += records
		must(first.client.CommitUncommittedOffsets(ctx))
		must(second.client.CommitUncommittedOffsets(ctx))
		third := join(group, balancer)
		share(first, second, third)
		described, err := admin.DescribeGroups(ctx, group)
		must(err)
		check(described[group].State == "Stable" && described[group].Protocol == balancer.ProtocolName(), described)
		check(len(described[group].Members) == 3, described[group].Members)
		second.leave()
		share(first, third)
		produce(producer, from, from+records)
		readOnce(from, first, third)
		from += records
		must(first.client.CommitUncommittedOffsets(ctx))
		must(third.client.CommitUncommittedOffsets(ctx))
		check(first.lost+second.lost+third.lost == 0, "partitions were lost")
		first.leave()
		third.leave()
		committed, err := admin.FetchOffsets(ctx, group)
		must(err)
		committed.Each(func(it kadm.OffsetResponse) { check(it.At == int64(from/partitions), it) })
	}
}

func staticMembers(admin *kadm.Client) {
	const group = "franz-static"
	static := func(id string) *member {
		return join(group, kgo.RangeBalancer(), kgo.InstanceID(id))
	}
	first, second := static("a"), static("b")
	share(first, second)
	before, _ := second.has()
	_, generation := first.client.GroupMetadata()
	// A static member does not say that it leaves.
	second.leave()
	second = static("b")
	share(first, second)
	after, _ := second.has()
	slices.Sort(before)
	slices.Sort(after)
	check(slices.Equal(before, after), before, after)
	for _, it := range []*member{first, second} {
		_, now := it.client.GroupMetadata()
		check(now == generation, "the group was rebalanced: ", generation, now)
	}
	described, err := admin.DescribeGroups(ctx, group)
	must(err)
	for _, it := range described[group].Members {
		check(it.InstanceID != nil && (*it.InstanceID == "a" || *it.InstanceID == "b"), it)
	}
	left, err := admin.LeaveGroup(ctx, kadm.LeaveGroup(group).Reason("an operator").InstanceIDs("a", "b", "c"))
	must(err)
	check(left["a"].Err == nil && left["b"].Err == nil, left)
	check(errors.Is(left["c"].Err, kerr.UnknownMemberID), left)
	first.leave()
	second.leave()
}

func administer(admin *kadm.Client) {
	listed, err := admin.ListGroups(ctx, "Empty")
	must(err)
	check(slices.Contains(listed.Groups(), "franz-range"), listed)
	many := admin.FetchManyOffsets(ctx, "franz-range", "franz-roundrobin", "no-such-group")
	must(many.Error())
	check(len(many["franz-range"].Fetched[topic]) == partitions, many)
	check(len(many["no-such-group"].Fetched) == 0, many)
	lags, err := admin.Lag(ctx, "franz-range", "franz-cooperative-sticky")
	must(err)
	check(lags["franz-cooperative-sticky"].Lag.Total() == 0, lags)
	check(lags["franz-range"].Lag.Total() == 6*records, lags["franz-range"].Lag.Total())
	partial := kadm.TopicsSet{}
	partial.Add(topic, 0, 1)
	deleted, err := admin.DeleteOffsets(ctx, "franz-range", partial)
	must(err)
	must(deleted.Error())
	left, err := admin.FetchOffsets(ctx, "franz-range")
	must(err)
	check(len(left[topic]) == partitions-2, left)
	living := join("franz-living", kgo.RangeBalancer())
	share(living)
	gone, err := admin.DeleteGroups(ctx, "franz-range", "no-such-group", "franz-living")
	must(err)
	check(gone["franz-range"].Err == nil, gone)
	check(errors.Is(gone["no-such-group"].Err, kerr.GroupIDNotFound), gone)
	check(errors.Is(gone["franz-living"].Err, kerr.NonEmptyGroup), gone)
	living.leave()
	described, err := admin.DescribeGroups(ctx, "franz-range")
	must(err)
	check(described["franz-range"].State == "Dead", described)
}

func main() {
	address = os.Args[1]
	var cancel context.CancelFunc
	ctx, cancel = context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	producer, err := kgo.NewClient(kgo.SeedBrokers(address), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	must(err)
	defer producer.Close()
	admin := kadm.NewClient(producer)
	_, err = admin.CreateTopic(ctx, partitions, 1, nil, topic)
	must(err)
	everyBalancer(producer, admin)
	staticMembers(admin)
	administer(admin)
	fmt.Println("ok")
}
