package supervisor

import (
	"testing"

	"github.com/wsgid/wsgid/supervisor/internal/group"
)

func TestDescribe(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status group.Status
		want   string
	}{
		{group.Status{}, "web: starting"},
		{group.Status{Asleep: true}, "web: asleep until the next request"},
		{group.Status{Generation: 7, Processes: 3, Wanted: 4, Busy: 2, Queued: 1}, "web: generation 7, 3 of 4 processes ready, 2 busy, 1 queued"},
		{
			group.Status{Generation: 7, Wanted: 4, Failure: "Traceback (most recent call last):\n  x\nModuleNotFoundError: No module named 'x'\n"},
			"web: cannot start: ModuleNotFoundError: No module named 'x'",
		},
		{
			group.Status{Generation: 7, Processes: 4, Wanted: 4, Suspended: "Traceback\nSyntaxError: invalid syntax"},
			"web: generation 7, 4 of 4 processes ready, 0 busy, processes are not replaced: SyntaxError: invalid syntax",
		},
		{
			group.Status{Generation: 7, Processes: 4, Wanted: 4, Recycled: 3, Cause: "maximum-requests"},
			"web: generation 7, 4 of 4 processes ready, 0 busy, 3 replaced (the last: maximum-requests)",
		},
		{
			group.Status{Generation: 7, Processes: 4, Wanted: 4, Recycled: 3, Cause: "reload", Recycling: "maximum-memory: 312.4 MiB resident, 300.0 MiB allowed"},
			"web: generation 7, 4 of 4 processes ready, 0 busy, 3 replaced (the last: reload), replacing a process (maximum-memory: 312.4 MiB resident, 300.0 MiB allowed)",
		},
		{group.Status{Generation: 7, Processes: 4, Wanted: 4, Starting: 8}, "web: generation 7, 4 of 4 processes ready, 0 busy, starting generation 8"},
		{group.Status{Generation: 8, Processes: 4, Wanted: 4, Draining: 7}, "web: generation 8, 4 of 4 processes ready, 0 busy, draining generation 7"},
	} {
		if got := describe("web", c.status); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}
