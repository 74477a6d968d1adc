package leader

import (
	"maps"
	"slices"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
)

// batch is the number of threads whose descriptors are sent with one message.
const batch = 80

// offers are connections of threads, by the thread's index, that wait for a
// supervisor: their descriptors, which belong to the offers.
type offers map[int][wire.ThreadDescriptors]int

// keep takes over the descriptors of threads from first on. Those of a thread
// that has offered others before are closed, as are those of threads beyond
// limit.
func (o offers) keep(first, limit int, fds []int) {
	for index := first; len(fds) >= wire.ThreadDescriptors; index++ {
		own := [wire.ThreadDescriptors]int(fds)
		fds = fds[wire.ThreadDescriptors:]
		if index < 0 || index >= limit {
			wire.CloseAll(own[:])
			continue
		}
		if old, found := o[index]; found {
			wire.CloseAll(old[:])
		}
		o[index] = own
	}
	wire.CloseAll(fds)
}

// take gives everything away, in the order of the threads, as messages whose
// descriptors belong to the caller.
func (o offers) take() []wire.Message {
	var messages []wire.Message
	next := -1
	for _, index := range slices.Sorted(maps.Keys(o)) {
		if index != next || len(messages[len(messages)-1].Descriptors) >= wire.ThreadDescriptors*batch {
			messages = append(messages, wire.Message{Type: wire.ThreadsOffered, Index: index})
		}
		m := &messages[len(messages)-1]
		own := o[index]
		m.Descriptors = append(m.Descriptors, own[:]...)
		next = index + 1
	}
	clear(o)
	return messages
}

func (o offers) close() {
	for _, own := range o {
		wire.CloseAll(own[:])
	}
	clear(o)
}
