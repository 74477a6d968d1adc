package packaging_test

import (
	"debug/elf"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestArm64Files: the packages for arm64 are those for amd64, but for the programs.
func TestArm64Files(t *testing.T) {
	deb, rpm := packagesFor(t, "arm64", "aarch64")
	amd64, _ := packages(t)
	assertSame(t, inDeb(t, deb), inDeb(t, amd64))
	if arch := strings.TrimSpace(command(t, "dpkg-deb", "-f", deb, "Architecture")); arch != "arm64" {
		t.Errorf("the deb is for %s", arch)
	}
	dir := unpacked(t, deb)
	for _, name := range programs() {
		program, err := elf.Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer program.Close()
		if program.Machine != elf.EM_AARCH64 {
			t.Errorf("%s is for %v", name, program.Machine)
		}
	}
	other := unpacked(t, amd64)
	command(t, "diff", "-r", "--exclude=wsgid*-generator", "--exclude=bin", dir, other)
	need(t, "rpm")
	if arch := command(t, "rpm", "-qp", "--qf", "%{ARCH}", rpm); arch != "aarch64" {
		t.Errorf("the rpm is for %s", arch)
	}
	assertRequirements(t, deb, rpm)
}

func programs() []string { return []string{"usr/bin/wsgid", "usr/lib/wsgid/wsgid-generator"} }

// unpacked is a directory with the files of a deb.
func unpacked(t *testing.T, deb string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "root")
	command(t, "dpkg-deb", "-x", deb, dir)
	return dir
}

// emulator is the program that runs those of arm64 here: "" on such a machine.
func emulator(t *testing.T) string {
	t.Helper()
	if machine := strings.TrimSpace(command(t, "uname", "-m")); machine == "aarch64" {
		return ""
	}
	for _, name := range []string{"qemu-aarch64-static", "qemu-aarch64"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("no qemu-aarch64 (Debian: qemu-user): not proved that the programs of arm64 do as those of amd64")
	return ""
}

// TestArm64Programs runs both architectures' programs, in the same place one after the
// other, on the same site files, and wants the same bytes: units, what `wsgid check` says
// of right and wrong files, what `wsgid new` writes, help.
func TestArm64Programs(t *testing.T) {
	arm64, _ := packagesFor(t, "arm64", "aarch64")
	amd64, _ := packages(t)
	qemu := emulator(t)
	config := filepath.Join(t.TempDir(), "wsgi")
	command(t, "mkdir", config)
	command(t, "sh", "-c", `cp ../contrib/examples/*/*.toml ../units/site/testdata/complete.toml "$1"; printf '[group.web\nprocesses = x' >"$1/broken.toml"; printf '[group.web]\nproceses = 2\n' >"$1/nearly.toml"`, "sh", config)
	place := filepath.Join(t.TempDir(), "root")
	said := map[string]string{}
	for arch, deb := range map[string]string{"amd64": amd64, "arm64": arm64} {
		command(t, "rm", "-rf", place)
		command(t, "dpkg-deb", "-x", deb, place)
		interpreter := ""
		if arch == "arm64" {
			interpreter = qemu
		}
		said[arch] = everything(t, interpreter, place, config)
	}
	if !strings.Contains(said["amd64"], "ExecStart="+place+"/usr/bin/wsgid leader") || !strings.Contains(said["amd64"], "did you mean processes?") {
		t.Errorf("amd64 does not say what is compared:\n%s", said["amd64"])
	}
	if said["arm64"] != said["amd64"] {
		dir := t.TempDir()
		for arch, text := range said {
			if err := os.WriteFile(filepath.Join(dir, arch), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		differences, _ := exec.Command("diff", "-u", filepath.Join(dir, "amd64"), filepath.Join(dir, "arm64")).Output()
		t.Errorf("arm64 does otherwise:\n%s", differences)
	}
}

// everything is what the programs in place say and write about the site files in config.
func everything(t *testing.T, interpreter, place, config string) string {
	t.Helper()
	var all strings.Builder
	units, written := filepath.Join(place, "units"), filepath.Join(place, "new.toml")
	command(t, "mkdir", units)
	wsgid, generator := filepath.Join(place, programs()[0]), filepath.Join(place, programs()[1])
	calls := [][]string{
		{wsgid, "version"},
		{wsgid, "--help"},
		{wsgid, "run", "--help"},
		{wsgid, "nonsense"},
		{wsgid, "new", "hello", "--app", "../contrib/examples/hello", "--output", written},
		{generator, units, units, units},
	}
	files, err := filepath.Glob(config + "/*.toml")
	if err != nil || len(files) < 5 {
		t.Fatalf("the site files are %q (%v)", files, err)
	}
	for _, file := range files {
		calls = append(calls, []string{wsgid, "check", file})
	}
	for _, call := range calls {
		all.WriteString(strings.Join(call, " ") + "\n")
		if interpreter != "" {
			call = append([]string{interpreter}, call...)
		}
		cmd := exec.Command(call[0], call[1:]...)
		cmd.Env = append(os.Environ(), "WSGID_CONFIG_DIRECTORY="+config)
		cmd.Stdout, cmd.Stderr = &all, &all
		if err := cmd.Run(); err != nil {
			all.WriteString(err.Error() + "\n")
		}
	}
	err = filepath.WalkDir(units, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		all.WriteString(path + "\n" + string(contents(t, path)))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}
