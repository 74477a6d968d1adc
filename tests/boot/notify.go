package boot

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// notifySocket hears what systemd-nspawn says of its machine (sd_notify(3)). It is in
// the abstract namespace, which the keeper's mount namespace shares.
type notifySocket struct{ *net.UnixConn }

func listenNotify() (*notifySocket, error) {
	name := fmt.Sprintf("@wsgid-boot-%d-%d", os.Getpid(), time.Now().UnixNano())
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		return nil, err
	}
	return &notifySocket{conn}, nil
}

func (n *notifySocket) address() string { return n.LocalAddr().String() }

// awaitReady gives the process id of the machine's PID 1, as the host counts, once
// that one has said that the system is up.
func (n *notifySocket) awaitReady(ctx context.Context, ended <-chan struct{}) (int, error) {
	waited := make(chan struct{})
	defer close(waited)
	go func() {
		select {
		case <-ended:
		case <-ctx.Done():
		case <-waited:
		}
		n.SetReadDeadline(time.Now())
	}()
	leader, ready := 0, false
	message := make([]byte, 4096)
	for leader == 0 || !ready {
		size, err := n.Read(message)
		if err != nil {
			return 0, n.failure(ctx, err)
		}
		for line := range strings.SplitSeq(string(message[:size]), "\n") {
			name, value, _ := strings.Cut(line, "=")
			switch name {
			case "X_NSPAWN_LEADER_PID":
				if leader, err = strconv.Atoi(value); err != nil {
					return 0, err
				}
			case "READY":
				ready = true
			}
		}
	}
	return leader, nil
}

func (n *notifySocket) failure(ctx context.Context, err error) error {
	switch {
	case !errors.Is(err, os.ErrDeadlineExceeded):
		return err
	case ctx.Err() != nil:
		return fmt.Errorf("not up within %v", bootWithin)
	}
	return errors.New("systemd-nspawn ended")
}
