package main

import (
	"context"
	"debug/buildinfo"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/wsgid/wsgid/tests/peers"
)

// fact is one line about the machine or what is measured on it.
type fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// missingPackages lists the Debian packages of the files that the run needs
// and does not find, sorted.
func missingPackages(o options) []string { return peers.Missing(neededFiles(o)) }

// neededFiles maps files to their packages. What the rows on a booted machine need is
// not among them: without it they are left out.
func neededFiles(o options) map[string]string {
	files := map[string]string{}
	if o.starts > 0 && o.wants(rowStart) {
		files[peers.Python], files[wrkProgram] = "python3", "wrk"
	}
	for _, r := range allRows() {
		if !o.wants(r.name) {
			continue
		}
		files[peers.Python], files[wrkProgram] = "python3", "wrk"
		if r.streams > 0 {
			files[h2loadProgram] = "nghttp2-client"
		}
		switch r.app {
		case "flaskapp.py":
			files["/usr/lib/python3/dist-packages/flask/__init__.py"] = "python3-flask"
		case "djangoapp.py":
			files["/usr/lib/python3/dist-packages/django/__init__.py"] = "python3-django"
		}
	}
	if len(files) == 0 {
		return files
	}
	for _, name := range o.servers {
		if k, known := kindByName(name); known {
			maps.Copy(files, k.Needs)
		}
	}
	return files
}

func machineFacts(ctx context.Context, b *bench) []fact {
	facts := []fact{
		{"date", time.Now().UTC().Format("2006-01-02 15:04 UTC")},
		{"kernel", readLine("/proc/sys/kernel/osrelease") + " " + runtime.GOARCH},
		{"processor", fmt.Sprintf("%s, %d online", processorModel(), runtime.NumCPU())},
		{"load average at the start", readLine("/proc/loadavg")},
		{"interpreter", peers.Python + ", " + programOutput(ctx, peers.Python, "--version")},
	}
	if slices.Contains(b.opts.servers, nameWsgid) {
		facts = append(facts, fact{nameWsgid, binaryVersion(b.wsgid)})
	}
	packages := slices.Compact(slices.Sorted(maps.Values(neededFiles(b.opts))))
	for _, pkg := range packages {
		facts = append(facts, fact{pkg, peers.Version(ctx, pkg)})
	}
	return facts
}

// programOutput is the first line a program prints, "unknown" if it fails.
func programOutput(ctx context.Context, program string, args ...string) string {
	out, err := exec.CommandContext(ctx, program, args...).Output()
	if err != nil {
		return "unknown"
	}
	return firstLine(string(out))
}

func readLine(name string) string {
	text, err := os.ReadFile(name)
	if err != nil {
		return "unknown"
	}
	return firstLine(string(text))
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return strings.TrimSpace(line)
}

// processorModel comes from /proc/cpuinfo, where only some architectures name it.
func processorModel() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(text)) {
		if name, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

// binaryVersion reads what the Go toolchain has noted in a binary.
func binaryVersion(name string) string {
	info, err := buildinfo.ReadFile(name)
	if err != nil {
		return "unknown"
	}
	return info.Main.Version + ", " + info.GoVersion
}
