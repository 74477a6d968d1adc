package group

// queue is a list of waiting requests, the oldest first. The links are in the
// exchanges, so queueing allocates nothing and a client that goes away is
// taken out at once.
type queue struct {
	first, last *Exchange
	length      int
}

func (q *queue) push(x *Exchange) {
	x.previous, x.next, x.queued = q.last, nil, true
	if q.last == nil {
		q.first = x
	} else {
		q.last.next = x
	}
	q.last = x
	q.length++
}

// pushFront puts a request back that had its turn and was not taken.
func (q *queue) pushFront(x *Exchange) {
	x.previous, x.next, x.queued = nil, q.first, true
	if q.first == nil {
		q.last = x
	} else {
		q.first.previous = x
	}
	q.first = x
	q.length++
}

// pop takes the oldest request out; nil when there is none.
func (q *queue) pop() *Exchange {
	x := q.first
	if x != nil {
		q.remove(x)
	}
	return x
}

func (q *queue) remove(x *Exchange) {
	if x.previous == nil {
		q.first = x.next
	} else {
		x.previous.next = x.next
	}
	if x.next == nil {
		q.last = x.previous
	} else {
		x.next.previous = x.previous
	}
	x.previous, x.next, x.queued = nil, nil, false
	q.length--
}
