package leader

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wsgid/wsgid/supervisor/internal/wire"
)

// stackSignal has a process write the Python stacks of all its threads. It is
// a real-time signal, because applications have uses for the named ones.
const stackSignal = syscall.Signal(62)

// maxFromWorker bounds one message of a worker's control socket, in bytes; the
// socket itself holds no larger ones.
const maxFromWorker = 256 << 10

// process is one worker process. Its fields belong to the leader's goroutine.
type process struct {
	leader  *Leader
	number  int
	pid     int
	command *exec.Cmd
	control *net.UnixConn // messages to and from the Python program
	started time.Time
	readyAt time.Time // zero until it was ready

	greeted    bool     // the fault handler is installed
	warming    bool     // imported, and answering the requests of warm-up
	version    string   // of Python
	introduced *session // the supervisor that knows of it
	offered    bool     // it has connections, which end with a supervisor
	offers     offers   // those that no supervisor has
	renewal    int      // the loss of a supervisor after which it was told to renew them
	renewed    int      // the latest one after which it did
	idents     map[int]string

	retiring   bool   // its end is wanted: no replacement
	abandoned  bool   // the supervisor that wanted it replaced has gone
	stopped    bool   // it was told to end
	farewell   string // why the supervisor wants its end
	failed     bool   // it said why it cannot start, or its end was logged
	expired    string // why it should be replaced although it serves, "" if it should not
	heavy      bool   // it has been above maximum-memory since it was new
	missed     int    // pings that it has not answered
	deadlocked bool   // too many
	killed     bool   // by the leader
	cause      string // why the leader ended it, "" if it did not
	timer      *time.Timer
}

// spawn starts `wsgid worker`, which becomes the interpreter.
func (l *Leader) spawn(number int) (*process, error) {
	p := &process{leader: l, number: number, started: time.Now(), offers: offers{}, idents: map[int]string{}}
	setup, err := l.setup()
	if err != nil {
		return nil, err
	}
	ours, theirs, err := packetPair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	p.control = ours
	if err := p.launch(theirs); err != nil {
		ours.Close()
		return nil, err
	}
	text, err := json.Marshal(setup)
	if err == nil {
		err = p.send(text)
	}
	if err == nil {
		err = p.send(l.programConfig(number))
	}
	if err != nil {
		// The process sees the end of its control socket and ends; its exit is
		// reported like any other.
		ours.Close()
		l.handleFailed(p, err.Error())
	}
	return p, nil
}

// launch starts the command with its pipes and the goroutines that read them.
func (p *process) launch(control *os.File) error {
	var pipes pipeSet
	defer pipes.closeWriters()
	stacks, stdout, stderr := pipes.add(), pipes.add(), pipes.add()
	if pipes.err != nil {
		pipes.closeReaders()
		return fmt.Errorf("cannot make a pipe: %w", pipes.err)
	}
	p.command = exec.Command(p.leader.options.Executable, "worker")
	p.command.Env = p.leader.env
	p.command.Stdout, p.command.Stderr = stdout.writer, stderr.writer
	p.command.ExtraFiles = []*os.File{control, stacks.writer}
	if err := p.command.Start(); err != nil {
		pipes.closeReaders()
		return fmt.Errorf("cannot start %s: %w", p.leader.options.Executable, err)
	}
	p.pid = p.command.Process.Pid
	var output sync.WaitGroup
	output.Go(func() { p.leader.copyOutput(p, stdout.reader, "stdout") })
	output.Go(func() { p.leader.copyOutput(p, stderr.reader, "stderr") })
	go p.readStacks(stacks.reader)
	output.Go(p.readMessages)
	go p.wait(&output)
	return nil
}

// wait reports the end of the process, after what it wrote and said until then
// was handled. A child of the application that keeps the pipes open does not hold
// the report back for more than a second.
func (p *process) wait(output *sync.WaitGroup) {
	_ = p.command.Wait() // what it says stands in ProcessState
	drained := make(chan struct{})
	go func() { output.Wait(); close(drained) }()
	select {
	case <-drained:
	case <-time.After(time.Second):
	}
	p.leader.post(event{kind: exited, process: p, state: p.command.ProcessState})
}

func (p *process) send(message []byte) error {
	if len(message) > maxFromWorker {
		return fmt.Errorf("cannot hand %d bytes of settings to a worker: the limit is %d", len(message), maxFromWorker)
	}
	if _, err := p.control.Write(message); err != nil {
		return fmt.Errorf("cannot reach worker process %d: %w", p.number, err)
	}
	return nil
}

// sayTime is how long a process may not take a message before it is given up:
// its socket holds hundreds of them.
const sayTime = time.Second

// say sends a short message to the program. It does not wait for a program that
// does not read.
func (p *process) say(text string) error {
	// An error is one of a closed socket, which Write has too.
	_ = p.control.SetWriteDeadline(time.Now().Add(sayTime))
	return p.send([]byte(text))
}

// kill may come when the process has just ended.
func (p *process) kill() {
	p.killed = true
	_ = p.command.Process.Kill()
}

// readMessages turns the program's messages into events until it closes its end.
func (p *process) readMessages() {
	buf := make([]byte, maxFromWorker)
	oob := make([]byte, unix.CmsgSpace(4*256))
	for {
		n, oobn, _, _, err := p.control.ReadMsgUnix(buf, oob)
		if errors.Is(err, unix.ECONNRESET) {
			// The process ended without having read what was sent to it. The kernel
			// says so once, before it gives out what the process said last.
			continue
		}
		if err != nil || n == 0 {
			return
		}
		fds, err := wire.ParseDescriptors(oob[:oobn])
		if err != nil {
			wire.CloseAll(fds)
			continue
		}
		p.leader.post(event{kind: fromWorker, process: p, fields: splitFields(buf[:n]), fds: fds})
	}
}

func (p *process) dumpStacks() {
	if p.greeted {
		_ = p.command.Process.Signal(stackSignal) // it may have ended just now
	}
}

// startDeadline has the leader look at the process again after d, unless d is 0.
func (p *process) startDeadline(d time.Duration) {
	p.stopDeadline()
	if d > 0 {
		p.timer = time.AfterFunc(d, func() { p.leader.post(event{kind: due, process: p}) })
	}
}

func (p *process) stopDeadline() {
	if p.timer != nil {
		p.timer.Stop()
		p.timer = nil
	}
}

// pipeSet is a few pipes that are made together and cleaned up together.
type pipeSet struct {
	pipes []pipe
	err   error
}

type pipe struct{ reader, writer *os.File }

func (s *pipeSet) add() pipe {
	if s.err != nil {
		return pipe{}
	}
	var p pipe
	if p.reader, p.writer, s.err = os.Pipe(); s.err == nil {
		s.pipes = append(s.pipes, p)
	}
	return p
}

func (s *pipeSet) closeWriters() {
	for _, p := range s.pipes {
		p.writer.Close()
	}
}

func (s *pipeSet) closeReaders() {
	for _, p := range s.pipes {
		p.reader.Close()
	}
}

// packetPair makes the control socket of a worker: messages keep their bounds
// (SOCK_SEQPACKET, unix(7)).
func packetPair() (*net.UnixConn, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot make a socket pair: %w", err)
	}
	file := os.NewFile(uintptr(fds[0]), "worker control")
	conn, err := net.FileConn(file)
	file.Close()
	if err != nil {
		unix.Close(fds[1])
		return nil, nil, fmt.Errorf("cannot use a socket pair: %w", err)
	}
	// The program reads this end in a blocking way.
	if err := unix.SetNonblock(fds[1], false); err != nil {
		conn.Close()
		unix.Close(fds[1])
		return nil, nil, fmt.Errorf("cannot use a socket pair: %w", err)
	}
	return conn.(*net.UnixConn), os.NewFile(uintptr(fds[1]), "worker control, far end"), nil
}
