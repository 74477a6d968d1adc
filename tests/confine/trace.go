package confine

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Strace are the options with which strace writes what Read reads, beside -o and -p.
func Strace() []string {
	return []string{"-qq", "-ff", "-y", "-s", "4096", "-e", "trace=%file,%process,socket,bind,connect,sendto,sendmsg,mmap", "-e", "signal=none"}
}

// Access is a successful call of a process in a domain.
type Access struct {
	Domain string
	Path   string // of a file; "" for a socket
	Perms  string // letters of r, w, m, l, x
	Family string // of a socket: "inet", "unix", …
	Kind   string // of a socket: "stream", …
	Call   string // the line of strace
}

// Read gives the accesses of processes and of those that they started. files has the lines
// of each by its number, as strace -ff writes them; domain says by the arguments of a
// program which domain a process is in from then on, and may leave it where it is.
func Read(files map[int][]string, domain func(argv []string, present string) string) ([]Access, error) {
	r := &reader{files: files, domain: domain, sockets: map[string]string{}}
	children := map[int]bool{}
	for _, lines := range files {
		for _, line := range lines {
			if child, is := started(line); is {
				children[child] = true
			}
			if found := socket.FindStringSubmatch(line); found != nil {
				r.sockets[found[2]] = kind(found[1])
			}
		}
	}
	for pid := range files {
		if !children[pid] {
			r.read(pid, process{})
		}
	}
	return r.all, r.err
}

type reader struct {
	files   map[int][]string
	domain  func([]string, string) string
	sockets map[string]string // by what strace calls one: its type
	all     []Access
	err     error
}

// process is what a process hands down to those that it starts.
type process struct{ domain, program string }

func (r *reader) read(pid int, is process) {
	for _, line := range r.files[pid] {
		// A thread that executes a program takes the number of its process.
		line = changed.ReplaceAllString(line, ") = 0")
		if child, begun := started(line); begun {
			r.read(child, is)
			continue
		}
		if argv := executed(line); argv != nil {
			is.domain = r.domain(argv, is.domain)
			line = strings.Replace(line, `"/proc/self/exe"`, strconv.Quote(is.program), 1)
			is.program = quote.FindStringSubmatch(line)[1]
		}
		if is.domain == "" {
			continue
		}
		accesses, err := r.parse(line)
		if err != nil && r.err == nil {
			r.err = err
		}
		for _, a := range accesses {
			a.Domain, a.Call = is.domain, line
			r.all = append(r.all, a)
		}
	}
}

var (
	child  = regexp.MustCompile(`^(?:clone3?|v?fork)\(.*\) = (\d+)$`)
	call   = regexp.MustCompile(`^(\w+)\((.*)\)\s+= (\d+|0x[0-9a-f]+)(?:<(.*)>(?:\(deleted\))?)?( .*)?$`)
	quote  = regexp.MustCompile(`"((?:[^"\\]|\\.)*)"`)
	socket = regexp.MustCompile(`^socket\(\w+, ([^,]+), .*\) = \d+<(.*)>$`)
	dirFD  = regexp.MustCompile(`^(?:AT_FDCWD|\d+)<([^>]*)>$`)
)

// nothing is of calls that failed or did not return, of the ends of processes, and of
// strace's own end.
var nothing = regexp.MustCompile(`\) += (-1 .*|\?.*)$|^(\+\+\+|---) |<(unfinished|detached) \.\.\.>$|^<\.\.\. \w+ resumed>`)

var changed = regexp.MustCompile(` <pid changed to \d+ \.\.\.>$`)

// started is the number of the process or thread that a call has started.
func started(line string) (pid int, is bool) {
	found := child.FindStringSubmatch(line)
	if found == nil {
		return 0, false
	}
	pid, err := strconv.Atoi(found[1])
	return pid, err == nil
}

// executed are the arguments of a program that a process has become.
func executed(line string) []string {
	found := call.FindStringSubmatch(line)
	if found == nil || !strings.HasPrefix(found[1], "execve") {
		return nil
	}
	_, list, _ := strings.Cut(found[2], "[")
	list, _, _ = strings.Cut(list, "]")
	var argv []string
	for _, arg := range quote.FindAllStringSubmatch(list, -1) {
		argv = append(argv, arg[1])
	}
	return argv
}

// harmless are calls of strace's class %file, and others, of which AppArmor asks nothing,
// or asks elsewhere: of descriptors when they were opened.
var harmless = regexp.MustCompile(`^(access|faccessat2?|stat|lstat|newfstatat|statx|statfs|readlink|readlinkat|getcwd|chdir|fchdir|inotify_add_watch|` +
	`exit|exit_group|wait4|waitid|kill|tgkill|tkill|rt_sigqueueinfo|pidfd_open|pidfd_send_signal|close_range|name_to_handle_at|fanotify_mark)$`)

// parse gives the accesses of a line. Calls that fail have none.
func (r *reader) parse(line string) ([]Access, error) {
	found := call.FindStringSubmatch(line)
	if found == nil {
		if nothing.MatchString(line) {
			return nil, nil
		}
		return nil, fmt.Errorf("cannot understand the line %q of strace", line)
	}
	name, args, result := found[1], split(found[2]), found[4]
	file := func(path, perms string) []Access { return []Access{{Path: path, Perms: perms}} }
	switch name {
	case "open", "openat", "openat2", "creat":
		flags := args[len(args)-1]
		if name == "openat" {
			flags = args[2]
		}
		if !strings.HasPrefix(result, "/") || strings.Contains(flags, "O_PATH") {
			return nil, nil
		}
		return file(tidy(result, strings.Contains(flags, "O_DIRECTORY")), opened(flags)), nil
	case "execve":
		return file(unquoted(args[0]), "x"), nil
	case "mmap":
		descriptor := dirFD.FindStringSubmatch(args[4])
		if descriptor == nil || !strings.Contains(args[2], "PROT_EXEC") || !strings.HasPrefix(descriptor[1], "/") {
			return nil, nil
		}
		return file(tidy(descriptor[1], false), "m"), nil
	case "socket":
		return []Access{{Family: strings.ToLower(strings.TrimPrefix(args[0], "AF_")), Kind: kind(args[1])}}, nil
	case "connect", "bind", "sendto", "sendmsg":
		return r.named(name, args[0], found[2]), nil
	case "unlink", "rmdir", "chmod", "truncate", "utime", "utimes", "chown", "lchown", "mknod", "mkdir":
		return file(tidy(unquoted(args[0]), name == "mkdir" || name == "rmdir"), "w"), nil
	case "unlinkat", "fchmodat", "fchmodat2", "fchownat", "utimensat", "mknodat", "mkdirat":
		return file(tidy(at(args[0], args[1]), name == "mkdirat" || strings.Contains(found[2], "AT_REMOVEDIR")), "w"), nil
	case "rename":
		return append(file(unquoted(args[0]), "rw"), file(unquoted(args[1]), "w")...), nil
	case "renameat", "renameat2":
		return append(file(at(args[0], args[1]), "rw"), file(at(args[2], args[3]), "w")...), nil
	case "link", "linkat":
		return file(at(args[len(args)-3], args[len(args)-2]), "l"), nil
	case "symlink":
		return file(unquoted(args[1]), "w"), nil
	case "symlinkat":
		return file(at(args[1], args[2]), "w"), nil
	}
	if harmless.MatchString(name) {
		return nil, nil
	}
	return nil, fmt.Errorf("nobody has thought of the system call %s: %q", name, line)
}

// opened are the kinds of access of open's flags.
func opened(flags string) string {
	words := strings.Split(flags, "|")
	perms := "r"
	switch {
	case slices.Contains(words, "O_RDWR"):
		perms = "rw"
	case slices.Contains(words, "O_WRONLY"):
		perms = "w"
	}
	// A file that O_CREAT finds needs no more than the mode of access says; that it was
	// there cannot be seen.
	if (slices.Contains(words, "O_CREAT") || slices.Contains(words, "O_TRUNC")) && perms == "r" {
		perms = "rw"
	}
	return perms
}

func kind(flags string) string {
	word, _, _ := strings.Cut(flags, "|")
	return strings.ToLower(strings.TrimPrefix(word, "SOCK_"))
}

var sunPath = regexp.MustCompile(`sun_path="([^"]*)"`)

// named are accesses to a socket that is a file: a datagram is written to it, and what
// comes over a connection is read from it as well.
func (r *reader) named(call, descriptor, args string) []Access {
	found := sunPath.FindStringSubmatch(args)
	if found == nil {
		return nil
	}
	perms := "w"
	if own := dirFD.FindStringSubmatch(descriptor); call == "connect" && (own == nil || r.sockets[own[1]] != "dgram") {
		perms = "rw"
	}
	return []Access{{Path: found[1], Perms: perms}}
}

// at is a path relative to a directory, as calls like unlinkat have it.
func at(directory, name string) string {
	name = unquoted(name)
	if found := dirFD.FindStringSubmatch(directory); found != nil && !strings.HasPrefix(name, "/") {
		return path.Join(found[1], name)
	}
	return name
}

// tidy gives a path as AppArmor has it: a directory with a slash, a file that is gone
// under the name that it had.
func tidy(name string, directory bool) string {
	name = strings.TrimSuffix(name, " (deleted)")
	if directory && !strings.HasSuffix(name, "/") {
		name += "/"
	}
	return name
}

func unquoted(arg string) string {
	if found := quote.FindStringSubmatch(arg); found != nil {
		return found[1]
	}
	return arg
}

// split gives the arguments of a call: what commas part, outside of quotes and brackets.
func split(args string) []string {
	var all []string
	depth, quoted, begun := 0, false, 0
	for i := 0; i < len(args); i++ {
		switch c := args[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case strings.IndexByte("([{<", c) >= 0:
			depth++
		case strings.IndexByte(")]}>", c) >= 0:
			depth--
		case c == ',' && depth == 0:
			all = append(all, strings.TrimSpace(args[begun:i]))
			begun = i + 1
		}
	}
	return append(all, strings.TrimSpace(args[begun:]))
}
