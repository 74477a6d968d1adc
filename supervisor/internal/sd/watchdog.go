package sd

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"time"
)

// WatchdogInterval returns within which time systemd wants to hear
// Notifier.Watchdog (WatchdogSec=); 0 when it does not. A third of it is a good
// interval: one message may get lost when systemd is busy.
func WatchdogInterval(getenv func(string) string) (time.Duration, error) {
	text := getenv("WATCHDOG_USEC")
	if text == "" {
		return 0, nil
	}
	usec, err := strconv.ParseUint(text, 10, 64)
	if err != nil || usec == 0 || usec > math.MaxInt64/uint64(time.Microsecond) {
		return 0, fmt.Errorf("cannot use WATCHDOG_USEC=%s: it is no number of microseconds", text)
	}
	// Without WATCHDOG_PID it is for whoever reads it; otherwise it may have been
	// inherited from a parent that was meant (sd_watchdog_enabled(3)).
	mine, err := isForThisProcess(getenv, "WATCHDOG_PID")
	if err != nil || !mine && getenv("WATCHDOG_PID") != "" {
		return 0, err
	}
	return time.Duration(usec) * time.Microsecond, nil
}

// isForThisProcess reports whether the variable holds the id of this process.
func isForThisProcess(getenv func(string) string, variable string) (bool, error) {
	text := getenv(variable)
	if text == "" {
		return false, nil
	}
	pid, err := strconv.Atoi(text)
	if err != nil || pid <= 0 {
		return false, fmt.Errorf("cannot use %s=%s: it is no process id", variable, text)
	}
	return pid == os.Getpid(), nil
}
