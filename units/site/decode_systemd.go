package site

import (
	"fmt"
	"time"
)

// siteTable reads [site], which holds [site.systemd].
func (d *decoder) siteTable(n *node) {
	if n == nil {
		return
	}
	if n.table == nil {
		d.fail(n.place, "site", &fault{msg: n.kind() + " where a table is expected", hint: "write [site.systemd]"})
		return
	}
	d.table(tableSite, n, "site.", siteTableFields(d.site))
	d.directiveNames("site.systemd", n.table["systemd"], unitOf{site: d.site.Name})
}

// socketRules refuses a UNIX socket that nobody could connect to: connecting
// takes write permission, unix(7).
func (d *decoder) socketRules(root *node) {
	if n := root.table["socket-mode"]; n != nil && d.site.Socket.Mode&0o222 == 0 {
		d.fail(n.place, "socket-mode", &fault{
			msg:  formatOctal(int64(d.site.Socket.Mode)) + " lets nobody connect: that takes write permission",
			hint: `socket-mode = "0660" is for the owner and the group`,
		})
	}
}

// What CPython takes before it has made a thread: 3.11 with the standard library
// starts with 12 MiB of data, and with 16 to 24 MiB of address space.
const (
	interpreterData  = 16 << 20
	interpreterSpace = 32 << 20
	// threadStack is the stack of a thread without stack-size: the soft limit
	// of the stack, pthread_create(3), which systemd and login leave at 8 MiB.
	threadStack = 8 << 20
)

// limitRules checks the limits that the leader sets on each process. One that
// has no room for the stacks would end each process while it starts.
func (d *decoder) limitRules(key string, n *node, g *Group) {
	if g.CPUTimeLimit%time.Second != 0 {
		d.fail(n.table["cpu-time-limit"].place, key+".cpu-time-limit", &fault{msg: FormatDuration(g.CPUTimeLimit) + " is not a whole number of seconds"})
	}
	stack := g.StackSize
	if stack == 0 {
		stack = threadStack
	}
	stacks := int64(g.Threads) * stack
	for _, limit := range []struct {
		key         string
		value, base int64
	}{
		{"memory-limit", g.MemoryLimit, interpreterData},
		{"virtual-memory-limit", g.VirtualMemoryLimit, interpreterSpace},
	} {
		if limit.value == 0 || limit.value >= limit.base+stacks {
			continue
		}
		f := &fault{msg: fmt.Sprintf("%s has no room for the interpreter and %d thread stacks of %s: at least %s",
			FormatSize(limit.value), g.Threads, FormatSize(stack), FormatSize(limit.base+stacks))}
		if g.StackSize == 0 {
			f.hint = `smaller stacks need less, as with stack-size = "512K"`
		}
		d.fail(n.table[limit.key].place, key+"."+limit.key, f)
	}
}
