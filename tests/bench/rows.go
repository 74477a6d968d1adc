package main

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

//go:embed apps/*.py
var appFiles embed.FS

//go:embed load.lua
var loadScript []byte

// Sizes of the request bodies, and of the files.
const (
	echoSize   = 64 << 10
	uploadSize = 10 << 20
	smallFile  = 4 << 10
	largeFile  = 10 << 20
)

// rowStart is the name under which -only knows the cold starts.
const rowStart = "start"

// row is one line of the tables: an application under one kind of load.
type row struct {
	name  string
	app   string // file name in apps
	conns int    // concurrent connections, each with one request at a time
	close bool   // a connection per request instead of keep-alive
	body  int    // bytes to send with POST; 0 for GET
	bulk  bool   // driven by our own client instead of wrk
	// checkQuery is the query string of the check before the measurement.
	checkQuery string
	want       answer
	setup      setup
	path       string   // "" is "/"
	host       string   // "" is that of the address
	streams    int      // requests at a time on each connection, of HTTP/2; 0 is HTTP/1.1
	servers    []string // those that the row is for; nil for all
}

// on reports whether the row is for a server.
func (r row) on(server string) bool {
	return r.servers == nil || slices.Contains(r.servers, server)
}

// target is what is asked for.
func (r row) target() string {
	if r.path == "" {
		return "/"
	}
	return r.path
}

// answer is what a correct reply looks like.
type answer struct {
	length int64
	sha256 string // in hexadecimal
}

func answerOf(body []byte) answer {
	sum := sha256.Sum256(body)
	return answer{int64(len(body)), hex.EncodeToString(sum[:])}
}

// requestBody is what rows with a body send: load.lua makes the same bytes.
func requestBody(size int) []byte {
	const unit = "0123456789abcdef"
	return bytes.Repeat([]byte(unit), size/len(unit))
}

// rows returns every row, those of one application next to one another: the
// servers are started anew where the application changes. apps_test.go holds
// the pinned answers to the applications.
func rows() []row {
	hello := answer{14, "d9014c4624844aa5bac314773d6b689ad467fa4e1d1a50a1b8a99d5a95f72ff5"}
	json := answer{10 << 10, "c89f361d8ea56f04d73d699654d3c3205ff0a73ed1e1f486d58ea8432f89ee57"}
	stream := answer{100 << 20, "4cbf988462cc3ba2e10e3aae9f5268546aa79016359fb45be7dd199c073125c0"}
	flask := answer{310, "6f5aa23c83bdeb73d3a43ef4f533cead8ad1722d4177a7df0645dde3e6bbf03e"}
	django := answer{301, "0bcd500c2350b03b569c0772fcf6d91b8fe03f973a1e95b9499312068dee17a2"}
	small, large := answerOf(requestBody(smallFile)), answerOf(requestBody(largeFile))
	files, secure := setup{static: true}, setup{tls: true}
	beside := []string{nameWsgid, nameUwsgi}
	sleep := answer{6, "1c04feb70d5387326140c75f1b3d67858f7ed047febe6ad8bceb3eb3a9a8447a"}
	return []row{
		{name: "hello:1", app: "hello.py", conns: 1, want: hello},
		{name: "hello:16", app: "hello.py", conns: 16, want: hello},
		{name: "hello:64", app: "hello.py", conns: 64, want: hello},
		{name: "hello:256", app: "hello.py", conns: 256, want: hello},
		{name: "hello:16:close", app: "hello.py", conns: 16, close: true, want: hello},
		{name: "json10k:16", app: "json10k.py", conns: 16, want: json},
		{name: "echo64k:16", app: "echo.py", conns: 16, body: echoSize, want: answerOf(requestBody(echoSize))},
		{name: "upload10m:4", app: "upload.py", conns: 4, body: uploadSize, bulk: true, checkQuery: "digest", want: uploadAnswer()},
		{name: "stream100m:2", app: "stream.py", conns: 2, bulk: true, want: stream},
		{name: "flask:16", app: "flaskapp.py", conns: 16, want: flask},
		{name: "django:16", app: "djangoapp.py", conns: 16, want: django},
		{name: "sleep50ms:64", app: "sleep.py", conns: 64, want: sleep},
		{name: "static4k:16", app: "hello.py", conns: 16, setup: files, path: smallPath, servers: beside, want: small},
		{name: "static4k:64", app: "hello.py", conns: 64, setup: files, path: smallPath, servers: beside, want: small},
		{name: "static4k:16:close", app: "hello.py", conns: 16, close: true, setup: files, path: smallPath, servers: beside, want: small},
		{name: "static10m:4", app: "hello.py", conns: 4, bulk: true, setup: files, path: largePath, servers: beside, want: large},
		{name: "tls:16", app: "hello.py", conns: 16, setup: secure, want: hello},
		{name: "tls:64", app: "hello.py", conns: 64, setup: secure, want: hello},
		{name: "tls:16:close", app: "hello.py", conns: 16, close: true, setup: secure, want: hello},
		{name: "http2:16x1", app: "hello.py", conns: 16, streams: 1, setup: secure, servers: beside, want: hello},
		{name: "http2:4x16", app: "hello.py", conns: 4, streams: 16, setup: secure, servers: beside, want: hello},
	}
}

// allRows are the rows, and those of wsgid alone.
func allRows() []row {
	all := rows()
	for _, hosts := range routingHosts() {
		all = append(all, routingRow(hosts))
	}
	return all
}

// uploadAnswer is what upload.py answers when asked for a digest.
func uploadAnswer() answer {
	sent := answerOf(requestBody(uploadSize))
	return answerOf(fmt.Appendf(nil, "%d %s", sent.length, sent.sha256))
}

// measuredLength is the length of a reply under load, where uploads answer
// without the digest.
func (r row) measuredLength() int64 {
	if r.checkQuery != "" {
		return int64(len(fmt.Sprint(r.body)))
	}
	return r.want.length
}

// unpack writes the applications and wrk's script to dir, readable for all:
// the servers' users may not be able to read the source tree.
func unpack(dir string) error {
	files, err := fs.Glob(appFiles, "apps/*.py")
	if err != nil {
		return fmt.Errorf("cannot list applications: %w", err)
	}
	for _, name := range files {
		text, err := appFiles.ReadFile(name)
		if err != nil {
			return fmt.Errorf("cannot read application: %w", err)
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(name)), text, 0o644); err != nil {
			return fmt.Errorf("cannot write application: %w", err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "load.lua"), loadScript, 0o644); err != nil {
		return fmt.Errorf("cannot write wrk's script: %w", err)
	}
	return nil
}
