package main

import (
	"testing"
	"time"

	"github.com/wsgid/wsgid/tests/load"
)

func TestReport(t *testing.T) {
	ms := time.Millisecond
	res := results{
		options: options{reloads: 5, interval: 5 * time.Second, imports: time.Second, seed: 7},
		rows: []row{
			{
				trial: trial{server: "wsgid", how: "systemctl reload"}, requests: 16000, heard: 5,
				wait: load.Gap{Length: 12*ms + 340*time.Microsecond, Stalled: 10 * ms}, silence: load.Gap{Length: 2 * ms},
				rest: 9970 * time.Microsecond, late: 25 * ms,
			},
			{
				trial: trial{server: "nginx", how: "its own reload", sameCode: true}, requests: 100, failed: 3, closed: 1,
				others: "2 reset", idle: 4, wait: load.Gap{Length: 4 * time.Second},
			},
			{
				trial: trial{server: "odd", how: "touch"}, requests: 1, heard: 3, wentBack: 2, twice: 1,
			},
		},
		lacking:  "no systemd booted: not root",
		packages: []string{"nginx 1.22"},
		failures: []string{"gunicorn: SIGHUP: cannot start"},
	}
	const want = `# 5 reloads under a light load, one every 5s, of an application that imports for 1s

- seed: 7
- packages: nginx 1.22
- wsgid without systemd: no systemd booted: not root

| server | reload by | requests | failed | closed under a request | other failures | closed idle | wait, ms | silence, ms | at rest, ms | late, ms |
|---|---|---:|---:|---:|---|---:|---:|---:|---:|---:|
| wsgid | systemctl reload | 16000 | 0 | 0 | – | 0 | 2.3 | 2.0 | 10 | 25 |
| nginx | its own reload | 100 | 3 | 1 | 2 reset | 4 | 4000 | 0.0 | 0.0 | 0.0 |
| odd | touch | 1 | 0 | 0 | – | 0 | 0.0 | 0.0 | 0.0 | 0.0 |

odd: touch: 3 of 5 new generations answered; 2 answers of older code after newer; 1 requests came to the application twice.

## Failures

- gunicorn: SIGHUP: cannot start
`
	if got := res.String(); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}
