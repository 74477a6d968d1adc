# What the maintainer scripts of both packages have in common; packaging/build.sh puts
# it into them.

booted() { [ -d /run/systemd/system ]; }

# Users and /run/wsgi come first: the bus and the units name them. Without a systemd that
# runs (an image that is being made, a container) the first boot does the rest.
configure_wsgid() {
	systemd-sysusers wsgid.conf
	booted || return 0
	systemd-tmpfiles --create wsgid.conf || true
	systemctl reload dbus.service || true
	systemctl daemon-reload
}

# Has every supervisor that runs hand its site over to the program that is there now.
# The clients notice nothing. A site whose application cannot be started stays with the
# program of before, which is no reason to fail the upgrade.
hand_over_sites() {
	booted || return 0
	set --
	while read -r unit rest; do
		[ -z "$unit" ] || set -- "$@" "$unit"
	done <<LIST
$(systemctl list-units --plain --no-legend --full --state=active 'wsgi@*.service')
LIST
	[ $# -gt 0 ] || return 0
	systemctl reload "$@" ||
		echo "wsgid: these sites are served by the program of before; systemctl status says why, systemctl reload tries again" >&2
}

# Supervisors and their sockets first: they let requests finish before the groups end.
# The patterns are of units that are loaded; what is not there is no error.
stop_sites() {
	booted || return 0
	stop_units 'wsgi@*.service' 'wsgi@*.socket'
	stop_units 'wsgi-*:*@[ab].service' 'wsgi-*:*@[ab].socket' wsgi.slice
}

stop_units() {
	if command -v deb-systemd-invoke >/dev/null; then
		deb-systemd-invoke stop "$@" || true
	else
		systemctl stop "$@" || true
	fi
}

# The links of enabled sites would lead nowhere.
disable_sites() {
	set --
	for link in /etc/systemd/system/*.wants/wsgi@*.service /etc/systemd/system/*.wants/wsgi@*.socket; do
		[ ! -L "$link" ] || set -- "$@" "${link##*/}"
	done
	[ $# -eq 0 ] || systemctl disable "$@" || true
}
