package supervisor

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// socketNames gives names to the sockets at which the leaders of generations are
// reached: symbolic links in the supervisor's private runtime directory. The sockets
// themselves are systemd's and stay; a name goes after its generation.
type socketNames struct {
	dir    string // "" gives none
	socket func(group, slot string) string
	log    *slog.Logger

	mu     sync.Mutex
	each   bool // a name for each generation, not one for each group
	owned  bool // the directory is this supervisor's
	groups map[string]*named
	made   map[string]string // name -> where it leads
}

// named is a group's generations whose leaders have not ended.
type named struct {
	slots   map[int]string
	current int
	left    bool // it is a supervisor's before this one; what it has become is not known yet
}

// newSocketNames takes over the names that another supervisor has left with the
// generations at places, and removes those that it did not come to remove.
func newSocketNames(o Options, places map[string]Place, log *slog.Logger) *socketNames {
	n := &socketNames{
		dir: o.SocketNames, socket: o.SocketPath, log: log, each: o.Site.SocketRotation, owned: o.Beside == nil,
		groups: map[string]*named{}, made: map[string]string{},
	}
	if n.dir == "" || !n.owned {
		return n
	}
	for _, g := range o.Site.Groups {
		if p, ok := places[g.Name]; ok && p.Generation > 0 {
			n.groups[g.Name] = &named{slots: map[int]string{p.Generation: p.Slot}, current: p.Generation, left: true}
		}
	}
	entries, err := os.ReadDir(n.dir)
	if err != nil {
		n.complain(err)
	}
	for _, e := range entries {
		if e.Type() == fs.ModeSymlink && strings.HasSuffix(e.Name(), ".sock") {
			n.made[e.Name()], _ = os.Readlink(filepath.Join(n.dir, e.Name()))
		}
	}
	n.settle()
	return n
}

// serves takes note of a group's current generation.
func (n *socketNames) serves(group string, generation int, slot string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	g := n.groups[group]
	if g == nil || g.left {
		g = &named{slots: map[int]string{}}
		n.groups[group] = g
	}
	g.slots[generation], g.current = slot, generation
	n.settle()
}

// ended takes note of the end of a generation's leader.
func (n *socketNames) ended(group string, generation int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if g := n.groups[group]; g != nil {
		delete(g.slots, generation)
		n.settle()
	}
}

// gone takes note of the end of a group, and clear of that of all of them.
func (n *socketNames) gone(group string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.groups, group)
	n.settle()
}

func (n *socketNames) clear() {
	n.mu.Lock()
	defer n.mu.Unlock()
	clear(n.groups)
	n.settle()
}

// rotate says what socket-rotation is now.
func (n *socketNames) rotate(each bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.each = each
	n.settle()
}

// own makes the directory this supervisor's, after another one's yield: that has named
// its generations still, but no group.
func (n *socketNames) own() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.owned = true
	n.settle()
}

func (n *socketNames) yield() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for name := range n.groups {
		delete(n.made, groupSocket(name))
		n.groups[name].current = 0
	}
}

// settle makes and removes names until they are as they should be. The caller holds mu.
func (n *socketNames) settle() {
	if n.dir == "" || !n.owned {
		return
	}
	wanted := n.wanted()
	for name, target := range wanted {
		if n.made[name] != target {
			n.complain(n.link(name, target))
			n.made[name] = target
		}
	}
	for name := range n.made {
		if wanted[name] == "" {
			if err := os.Remove(filepath.Join(n.dir, name)); !errors.Is(err, fs.ErrNotExist) {
				n.complain(err)
			}
			delete(n.made, name)
		}
	}
}

// wanted are the names that there should be, and where they lead.
func (n *socketNames) wanted() map[string]string {
	wanted := map[string]string{}
	for name, g := range n.groups {
		for generation, slot := range g.slots {
			link := generationSocket(name, generation)
			if !n.each {
				link = groupSocket(name)
			}
			// What was left may have ended since: it keeps a name, and is given none.
			if (n.each || generation == g.current) && (!g.left || n.made[link] != "") {
				wanted[link] = n.socket(name, slot)
			}
		}
		// A group between two generations, asleep or because its leader was lost, keeps
		// its name.
		if old := n.made[groupSocket(name)]; !n.each && old != "" && g.current != 0 && wanted[groupSocket(name)] == "" {
			wanted[groupSocket(name)] = old
		}
	}
	return wanted
}

// link makes a name, or has it lead elsewhere, in one step.
func (n *socketNames) link(name, target string) error {
	fresh := filepath.Join(n.dir, ".link.new")
	if err := os.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Symlink(target, fresh); err != nil {
		return err
	}
	return os.Rename(fresh, filepath.Join(n.dir, name))
}

// complain says what kept a name from being made or removed; the site works without.
func (n *socketNames) complain(err error) {
	if err != nil {
		n.log.Warn("cannot name the socket of a generation", "err", err)
	}
}

func groupSocket(group string) string { return group + ".sock" }

func generationSocket(group string, generation int) string {
	return group + "." + strconv.Itoa(generation) + ".sock"
}
