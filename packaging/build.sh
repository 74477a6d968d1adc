#!/bin/sh
# Builds the deb and the rpm of each architecture that is named (amd64, arm64), for
# `make packages`. The same commit gives the same bytes, whoever builds it and where.
#
# Environment: GO and MAKE, the programs; OUT, where packages go (dist); VERSION and
# SOURCE_DATE_EPOCH, otherwise those of the commit; MAINTAINER.
set -eu
umask 022
cd "$(dirname "$0")/.."
: "${GO:=go}" "${MAKE:=make}" "${OUT:=dist}"
: "${MAINTAINER:=wsgid maintainers <wsgid@users.noreply.github.com>}"
export LC_ALL=C TZ=UTC MAINTAINER

# A tag is a release. Other commits sort between the releases around them.
version() {
	if tag=$(git describe --tags --match 'v[0-9]*' 2>/dev/null); then
		echo "${tag#v}" | sed 's/-\([0-9]*\)-g/+\1.g/; s/-/~/g'
	else
		echo "0.0~$(git rev-list --count HEAD).g$(git rev-parse --short=8 HEAD)"
	fi
}
: "${VERSION:=$(version)}" "${SOURCE_DATE_EPOCH:=$(git log -1 --format=%ct)}"
export VERSION SOURCE_DATE_EPOCH

mkdir -p "$OUT"
OUT=$(cd "$OUT" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

programs() { # ARCH
	CGO_ENABLED=0 GOOS=linux GOARCH=$1 GOFLAGS= $GO build -trimpath -buildvcs=false \
		-ldflags "-s -w -X main.packaged=$VERSION" -o "$work/$1/" ./cmd/wsgid ./cmd/wsgid-generator
}

# What goes beyond `make install`: the places and forms that a distribution has of its own.
stage_deb() { # DIRECTORY
	install_into "$1" zshcompdir=/usr/share/zsh/vendor-completions
	doc=$1/usr/share/doc/wsgid
	mv "$doc/CHANGELOG.md" "$doc/changelog"
	gzip -9n "$doc/changelog"
	install -m 644 packaging/deb/copyright "$doc/copyright"
	install -D -m 644 packaging/deb/lintian-overrides "$1/usr/share/lintian/overrides/wsgid"
}

stage_rpm() { # DIRECTORY
	install_into "$1"
	install -D -m 644 LICENSE "$1/usr/share/licenses/wsgid/LICENSE"
	mkdir -p "$1.marked/usr/share"
	mv "$1/usr/share/doc" "$1/usr/share/man" "$1/usr/share/licenses" "$1.marked/usr/share/"
}

install_into() { # DIRECTORY [VARIABLE=VALUE...]
	root=$1
	shift
	MAKEFLAGS= $MAKE -s install DESTDIR="$root" BIN="$work/$arch" PREFIX=/usr PKG_CONFIG=false "$@" >/dev/null
	find "$root/usr/share/man" -type f -exec gzip -9n {} +
	# Links of packages are relative, as far as /usr.
	find "$root/usr" -type l | while read -r link; do ln -sfr "$root$(readlink "$link")" "$link"; done
}

scripts() { # FORMAT DIRECTORY
	mkdir -p "$2"
	for script in "packaging/$1"/p*; do
		sed -e '/^#SITES#$/ {' -e 'r packaging/scripts/sites.sh' -e 'd' -e '}' "$script" >"$2/${script##*/}"
	done
}

changelog() {
	cat <<YAML
- semver: "$VERSION-1"
  date: $(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)
  packager: "$MAINTAINER"
  deb:
    urgency: medium
    distributions: [unstable]
  changes:
    - note: "/usr/share/doc/wsgid has the list of changes."
YAML
}

# The files that an rpm marks as documentation or license: nfpm takes them one by one, and
# with them no directory, though rpm leaves those that no package has named.
marked() { # DIRECTORY
	[ -d "$1" ] || return 0
	(cd "$1" && find usr -path '*/wsgid*' -type d) | sort | while read -r directory; do
		printf '  - {dst: "/%s", type: dir, file_info: {mode: 0755}}\n' "$directory"
	done
	(cd "$1" && find usr -type f) | sort | while read -r file; do
		kind=doc
		case $file in usr/share/licenses/*) kind=license ;; esac
		printf '  - {src: "root.marked/%s", dst: "/%s", type: %s}\n' "$file" "$file" "$kind"
	done
}

package() { # FORMAT
	dir=$work/$arch-$1
	"stage_$1" "$dir/root"
	scripts "$1" "$dir/scripts"
	changelog >"$dir/changelog.yaml"
	{ cat packaging/nfpm.yaml && marked "$dir/root.marked"; } >"$dir/nfpm.yaml"
	find "$dir" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
	(cd "$dir" && ARCH=$arch "$work/nfpm" package --packager "$1" --target "$OUT/")
}

# Again, whatever is there: with the date of the commit.
MAKEFLAGS= $MAKE -s -B man
GOFLAGS= $GO build -modfile=packaging/tools.mod -o "$work/nfpm" github.com/goreleaser/nfpm/v2/cmd/nfpm
for arch; do
	programs "$arch"
	package deb
	package rpm
done
