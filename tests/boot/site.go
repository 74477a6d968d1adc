package boot

// Site writes /etc/wsgi/NAME.toml for everyone to read and has systemd run the
// generator. When the test ends, the site's units are stopped, disabled and gone.
// To change the site, call it again.
func (m *Machine) Site(name, toml string) {
	m.t.Helper()
	path := "/etc/wsgi/" + name + ".toml"
	isNew := !m.Exists(path)
	m.WriteFile(path, toml, 0o644, "")
	if isNew {
		// Before WriteFile's own: with the file the units would go while they run.
		m.t.Cleanup(func() { m.removeSite(name, path) })
	}
	m.MustRun("systemctl", "daemon-reload")
}

func (m *Machine) removeSite(name, path string) {
	if !m.running() {
		return
	}
	units := []string{"wsgi@" + name + ".socket", "wsgi@" + name + ".service"}
	m.Run(append([]string{"systemctl", "disable", "--quiet"}, units...)...)
	slots := "wsgi-" + name + ":*"
	m.Run(append([]string{"systemctl", "stop", slots}, units...)...)
	m.Run(append([]string{"systemctl", "reset-failed", slots}, units...)...)
	m.MustRun("rm", "-f", path)
	m.MustRun("systemctl", "daemon-reload")
}
