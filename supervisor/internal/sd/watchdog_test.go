package sd

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestWatchdogInterval(t *testing.T) {
	t.Parallel()
	self := "WATCHDOG_PID=" + strconv.Itoa(os.Getpid())
	for _, c := range []struct {
		variables []string
		want      time.Duration
		wantErr   string
	}{
		{nil, 0, ""},
		{[]string{self}, 0, ""},
		{[]string{"WATCHDOG_USEC=30000000", self}, 30 * time.Second, ""},
		{[]string{"WATCHDOG_USEC=1500000"}, 1500 * time.Millisecond, ""},
		{[]string{"WATCHDOG_USEC=30000000", "WATCHDOG_PID=1"}, 0, ""},
		{[]string{"WATCHDOG_USEC=30000000", "WATCHDOG_PID=me"}, 0, "WATCHDOG_PID=me"},
		{[]string{"WATCHDOG_USEC=30000000", "WATCHDOG_PID=-1"}, 0, "WATCHDOG_PID=-1"},
		{[]string{"WATCHDOG_USEC=0"}, 0, "WATCHDOG_USEC=0"},
		{[]string{"WATCHDOG_USEC=-5"}, 0, "WATCHDOG_USEC=-5"},
		{[]string{"WATCHDOG_USEC=30s"}, 0, "WATCHDOG_USEC=30s"},
		// USEC_INFINITY
		{[]string{"WATCHDOG_USEC=18446744073709551615"}, 0, "WATCHDOG_USEC=18446744073709551615"},
	} {
		got, err := WatchdogInterval(environment(c.variables...))
		if got != c.want || (err != nil) != (c.wantErr != "") || err != nil && !strings.Contains(err.Error(), c.wantErr) {
			t.Errorf("%q: got %v, %v; want %v, %q", c.variables, got, err, c.want, c.wantErr)
		}
	}
}
