// Package pyworker holds the Python program that a worker process runs: the
// gateway side of PEP 3333, standard library only, for any CPython from 3.9 on.
//
// Invariant: one application per process, in the main interpreter. Threads take
// requests from a connection of their own; nothing in the program waits for
// the front end but the thread whose request it is.
package pyworker

import (
	"bytes"
	"embed"
	"fmt"
	"slices"
	"strconv"
)

//go:embed program/*.py
var files embed.FS

// modules in the order in which they are executed: each imports only what
// stands before it.
var modules = [...]string{"link", "body", "exchange", "thread", "application", "surroundings", "warmup", "restrict", "interrupt", "lazy", "process"}

// lazy modules are compiled and executed when something asks for them; until then a
// process keeps their text.
var lazy = [...]string{"metrics", "modwsgi", "access", "access_digest", "dispatch"}

// serviceModules are those of a service script, in the same way.
var serviceModules = [...]string{"application", "surroundings", "lazy", "service"}

// What the bootstrap executes itself, in front of the modules of every program: the
// first in a child, the second in the process.
var starters = [...]string{"compile", "boot"}

// bootstrap is the text for the interpreter's -c: it has a child compile, makes the
// modules of the package _wsgid of what that sends, and calls main. What the compiler
// leaves behind in a heap, a megabyte for each process, ends with the child; so this
// text, which the process compiles itself, is as short as can be.
const bootstrap = `import marshal, os
fd, eager = %d, %d
reader, writer = os.pipe()
child = os.fork()
if not child:
    with open(fd, 'rb') as file:
        parts = file.read().split(b'\0')
    exec(parts[1])
os.close(fd)
os.close(writer)
with open(reader, 'rb') as file:
    make, modules, later = marshal.loads(file.read())
os.waitpid(child, 0)
exec(make)
boot(modules, later)(%s)`

// Bootstrap returns the text for the interpreter's -c that runs the program
// from descriptor fd and closes it. A file without a name instead of files on
// sys.path leaves nothing for an application to import by accident, and
// nothing to install.
func Bootstrap(fd int) string { return bootstrapOf(fd, len(modules), "") }

// ServiceBootstrap is Bootstrap for ServiceProgram, whose settings, NUL-separated
// names and values, are read from a descriptor of their own, and that is closed, too.
func ServiceBootstrap(fd, settings int) string {
	return bootstrapOf(fd, len(serviceModules), strconv.Itoa(settings))
}

// bootstrapOf is the text for a program whose first modules are executed at once.
func bootstrapOf(fd, eager int, arguments string) string {
	return fmt.Sprintf(bootstrap, fd, eager, arguments)
}

// Program returns the modules as Bootstrap reads them: name NUL text NUL, in
// order of execution, after the starters; the lazy ones last.
func Program() ([]byte, error) { return program(slices.Concat(modules[:], lazy[:])) }

// ServiceProgram returns those of the program that runs a service script.
func ServiceProgram() ([]byte, error) { return program(serviceModules[:]) }

func program(modules []string) ([]byte, error) {
	var b bytes.Buffer
	for _, name := range slices.Concat(starters[:], modules) {
		text, err := files.ReadFile("program/" + name + ".py")
		if err != nil {
			return nil, fmt.Errorf("cannot read the worker program: %w", err)
		}
		b.WriteString(name)
		b.WriteByte(0)
		b.Write(text)
		b.WriteByte(0)
	}
	return b.Bytes(), nil
}
