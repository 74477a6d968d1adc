package leader

import (
	"maps"
	"slices"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
)

// batch is the number of threads whose descriptors, two for each, are sent with
// one message.
const batch = 100

// offers are connections of threads, by the thread's index, that wait for a
// supervisor: two descriptors each, which belong to the offers.
type offers map[int][2]int

// keep takes over the descriptors of threads from first on. Those of a thread
// that has offered others before are closed, as are those of threads beyond
// limit.
func (o offers) keep(first, limit int, fds []int) {
	for index := first; len(fds) > 1; index++ {
		pair := [2]int{fds[0], fds[1]}
		fds = fds[2:]
		if index < 0 || index >= limit {
			wire.CloseAll(pair[:])
			continue
		}
		if old, found := o[index]; found {
			wire.CloseAll(old[:])
		}
		o[index] = pair
	}
	wire.CloseAll(fds)
}

// take gives everything away, in the order of the threads, as messages whose
// descriptors belong to the caller.
func (o offers) take() []wire.Message {
	var messages []wire.Message
	next := -1
	for _, index := range slices.Sorted(maps.Keys(o)) {
		if index != next || len(messages[len(messages)-1].Descriptors) >= 2*batch {
			messages = append(messages, wire.Message{Type: wire.ThreadsOffered, Index: index})
		}
		m := &messages[len(messages)-1]
		pair := o[index]
		m.Descriptors = append(m.Descriptors, pair[:]...)
		next = index + 1
	}
	clear(o)
	return messages
}

func (o offers) close() {
	for _, pair := range o {
		wire.CloseAll(pair[:])
	}
	clear(o)
}
