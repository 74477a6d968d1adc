package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// TestShellCompletion has every shell that is here complete command lines with its own
// file of packaging/completions, and compares what it would offer.
func TestShellCompletion(t *testing.T) {
	bin, config := t.TempDir(), t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// As testscript does: this test binary is wsgid where it is called so.
	if err := os.Symlink(self, filepath.Join(bin, "wsgid")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"blog.toml", "billing.toml", "shop.toml", "blog.toml.orig"} {
		if err := os.WriteFile(filepath.Join(config, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	packaged, err := filepath.Abs("../../packaging/completions")
	if err != nil {
		t.Fatal(err)
	}
	shells := map[string][]string{
		"bash": {"--norc", "-c", `. "$1/wsgid.bash"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
			compopt() { :; }; _wsgid; printf '%s\n' "${COMPREPLY[@]}"`, "bash"},
		"zsh": {"-f", "-c", `_describe() { printf '%s\n' "${${(P)2}[@]%%:*}"; }; compfile=$1/wsgid.zsh; shift
			words=("$@"); CURRENT=$#; set --; . $compfile`, "zsh"},
		"fish": {"--no-config", "-c", `source $argv[1]/wsgid.fish
			complete -C (string join " " -- $argv[2..-1]) | string replace -r '\t.*' ''; true`},
	}
	for shell, command := range shells {
		t.Run(shell, func(t *testing.T) {
			program, err := exec.LookPath(shell)
			if err != nil {
				t.Skipf("no %s: not proved that it completes wsgid's command line", shell)
			}
			cases := append(everyOffer(newRootCommand()),
				offer{"wsgid rel", "reload"},
				offer{"wsgid und", "undrain"},
				offer{"wsgid status --config-directory " + config + " b", "billing blog"},
				offer{"wsgid check --us", "--user"},
			)
			for _, c := range cases {
				cmd := exec.Command(program, append(append(command, packaged), strings.Fields(c.line)...)...)
				cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "HOME="+t.TempDir())
				output, err := cmd.CombinedOutput()
				got := strings.Fields(string(output))
				slices.Sort(got)
				if err != nil || strings.Join(got, " ") != c.want {
					t.Errorf("%s: %q (%v), want %q", c.line, output, err, c.want)
				}
			}
		})
	}
}

// offer is what is to be offered at the end of a line.
type offer struct{ line, want string }

// everyOffer has every command that people type, and every option of each.
func everyOffer(root *cobra.Command) []offer {
	var all []offer
	for _, c := range root.Commands() {
		if !c.IsAvailableCommand() {
			continue
		}
		c.InitDefaultHelpFlag()
		// The letter before the last is enough for no other command of the same beginning.
		all = append(all, offer{"wsgid " + c.Name()[:len(c.Name())-1], c.Name()})
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden {
				all = append(all, offer{"wsgid " + c.Name() + " --" + f.Name[:len(f.Name)-1], "--" + f.Name})
			}
		})
	}
	return all
}
