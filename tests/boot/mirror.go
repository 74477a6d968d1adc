package boot

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// mirror is the Debian archive that this host's own apt uses, or that of
// WSGID_BOOT_MIRROR.
func mirror(ctx context.Context) (string, error) {
	if address := os.Getenv(mirrorVariable); address != "" {
		return strings.TrimSuffix(address, "/"), nil
	}
	cmd := exec.CommandContext(ctx, "apt-get", "indextargets", "--format",
		"$(COMPONENT) $(RELEASE) $(REPO_URI) $(LABEL)", "Created-By: Packages")
	targets, err := cmd.Output()
	if err != nil {
		return "", &unavailable{fmt.Sprintf("apt does not say where its packages come from (%v); %s can", err, mirrorVariable)}
	}
	codename, err := hostCodename()
	if err != nil {
		return "", err
	}
	if address := archive(string(targets), codename); address != "" {
		return address, nil
	}
	return "", &unavailable{"this host's apt has no Debian archive, and " + mirrorVariable + " names none"}
}

// archive finds Debian's main archive among lines of "COMPONENT RELEASE URI LABEL".
// The label is known once apt has fetched the archive's index; before that apt prints
// the variable itself, and only the host's own release tells what is Debian's.
func archive(targets, codename string) string {
	for line := range strings.Lines(targets) {
		fields := strings.Fields(line)
		if len(fields) < 4 || fields[0] != "main" {
			continue
		}
		release, label := fields[1], fields[3]
		unknown := strings.HasPrefix(label, "$(")
		if label == "Debian" && !strings.Contains(release, "-") || unknown && release == codename {
			return strings.TrimSuffix(fields[2], "/")
		}
	}
	return ""
}

// hostCodename is empty when the host is no Debian: other distributions have archives
// of their own.
func hostCodename() (string, error) {
	text, err := os.ReadFile("/etc/os-release")
	if err != nil {
		return "", err
	}
	values := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		values[name] = strings.Trim(value, `"'`)
	}
	if values["ID"] != "debian" {
		return "", nil
	}
	return values["VERSION_CODENAME"], nil
}

// aptNetworkPattern finds what `apt-config dump` prints about reaching archives.
var aptNetworkPattern = regexp.MustCompile(`(?m)^Acquire::(?:https?|Retries|Check-Valid-Until|Check-Date)\b.* "[^"]+";$`)

// aptNetwork is how this host's apt reaches its archives (proxies, certificates),
// for mmdebstrap, whose apt does not read the host's files.
func aptNetwork(ctx context.Context) ([]string, error) {
	dump, err := exec.CommandContext(ctx, "apt-config", "dump").Output()
	if err != nil {
		return nil, fmt.Errorf("cannot run apt-config dump: %w", err)
	}
	return aptNetworkPattern.FindAllString(string(dump), -1), nil
}

// reach tells a mirror that cannot be reached, or lacks the release, from a tree
// that cannot be made: apt's own downloader tries, since it knows the host's proxies.
func reach(ctx context.Context, address string, release Release) error {
	dir, err := os.MkdirTemp("", "wsgid-boot-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	index := fmt.Sprintf("%s/dists/%s/InRelease", address, release.Name)
	cmd := exec.CommandContext(ctx, "/usr/lib/apt/apt-helper", "-o", "Acquire::Retries=2",
		"download-file", index, filepath.Join(dir, "InRelease"))
	if output, err := cmd.CombinedOutput(); err != nil {
		return &unavailable{fmt.Sprintf("no %s at the apt mirror (%s)", release.Name, fetchError(string(output), err))}
	}
	return nil
}

// fetchError is the reason among what apt printed, where it can be found there.
func fetchError(output string, err error) string {
	for line := range strings.Lines(output) {
		if reason, found := strings.CutPrefix(line, "E: Failed to fetch "); found {
			return strings.Join(strings.Fields(reason), " ")
		}
	}
	return err.Error()
}
