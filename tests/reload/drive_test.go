package main

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/wsgid/wsgid/tests/peers"
)

// TestDirect drives what needs no machine and nobody else's server, once through.
func TestDirect(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: not proved that a server is started, reloaded and accounted for")
	}
	o := options{reloads: 2, interval: time.Second, imports: 100 * time.Millisecond, seed: 1, wsgid: buildWsgid}
	if path := os.Getenv("WSGID_TEST_BINARY"); path != "" {
		o.wsgid = path
	}
	var progress strings.Builder
	r := &run{options: o, port: 19500, progress: &progress}
	var err error
	if r.dir, r.account, err = peers.Workplace("reload"); err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(r.dir)
	if missing := peers.Missing(map[string]string{peers.Python: "python3"}); len(missing) > 0 {
		t.Skipf("%s is missing: not proved that a server is started, reloaded and accounted for", missing[0])
	}
	var res results
	if err := r.try(context.Background(), direct(), &res); err != nil {
		t.Fatal(err)
	}
	if len(res.failures) > 0 || len(res.rows) != 1 {
		t.Fatalf("failures %q, rows %+v\n%s", res.failures, res.rows, progress.String())
	}
	got := res.rows[0]
	if got.requests == 0 || got.failed > 0 || got.heard != o.reloads || got.twice > 0 || got.wait.Length == 0 || got.silence.Length == 0 {
		t.Errorf("row %+v", got)
	}
	if want := 1 + o.reloads; strings.Count(progress.String(), "\n") != want {
		t.Errorf("progress is not %d lines:\n%s", want, progress.String())
	}
}
