package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

var update = flag.Bool("update", false, "write packaging/man/wsgid.1")

// TestManPage keeps wsgid(1) in step with the command line: the page is its frame with
// what the commands say of themselves in the place of a line.
func TestManPage(t *testing.T) {
	const page, commands = "../../packaging/man/wsgid.1", "@commands@\n"
	frame, err := os.ReadFile(page + ".in")
	if err != nil {
		t.Fatal(err)
	}
	before, after, found := strings.Cut(string(frame), commands)
	if !found {
		t.Fatalf("%s.in has no line %q", page, commands)
	}
	want := before + manCommands(newRootCommand()) + after
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(page); err != nil || string(got) != want {
		t.Errorf("wsgid.1 is not what the commands say now (%v)\nhint: go test ./cmd/wsgid -run TestManPage -update", err)
	}
}

// manCommands are the commands that people type, in man(7).
func manCommands(root *cobra.Command) string {
	var b strings.Builder
	for _, c := range root.Commands() {
		if !c.IsAvailableCommand() {
			continue
		}
		fmt.Fprintf(&b, ".SS \"%s\"\n", roff(strings.TrimSuffix(c.UseLine(), " [flags]")))
		text := c.Long
		if text == "" {
			text = strings.ToUpper(c.Short[:1]) + c.Short[1:] + "."
		}
		b.WriteString(strings.ReplaceAll(roff(text), "\n\n", "\n.PP\n") + "\n")
		c.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) { manFlag(&b, f) })
		if c.Example != "" {
			fmt.Fprintf(&b, ".PP\nExamples:\n.PP\n.nf\n.RS 4\n%s\n.RE\n.fi\n", roff(undented(c.Example)))
		}
	}
	return b.String()
}

func manFlag(b *strings.Builder, f *pflag.Flag) {
	if f.Hidden || f.Name == "help" {
		return
	}
	value, usage := pflag.UnquoteUsage(f)
	fmt.Fprintf(b, ".TP\n\\fB%s\\fR", roff("--"+f.Name))
	if value != "" {
		fmt.Fprintf(b, " \\fI%s\\fR", roff(strings.ToUpper(value)))
	}
	fmt.Fprintf(b, "\n%s", roff(usage))
	if f.DefValue != "" && f.DefValue != "[]" && f.DefValue != "0" && f.DefValue != "false" {
		fmt.Fprintf(b, " (default: %s)", roff(f.DefValue))
	}
	b.WriteString("\n")
}

func undented(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSpace(line)
	}
	return strings.Join(lines, "\n")
}

// roff escapes what troff reads otherwise: backslashes, hyphens (of options, which
// are to be copied), quotes, and a first character that makes a line a request.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, `"`, `\(dq`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
