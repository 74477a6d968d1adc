# What is built, tested and installed. `make help` lists the targets.

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help

GO ?= go
# Debian's packages belong to /usr/bin/python3, which need not be the first in PATH.
PYTHON ?= $(or $(wildcard /usr/bin/python3),python3)

# make build puts programs here, make install takes them from here
BIN ?= bin

# make install
PREFIX     ?= /usr/local
DESTDIR    ?=
PKG_CONFIG ?= pkg-config

# Where systemd reads. It says so itself; without its pkg-config file these are the
# directories of its documentation. PREFIX=/usr/local has directories of its own, which
# systemd reads as well (systemd.unit(5), systemd.generator(7)). Another PREFIX holds
# the programs only.
# $(call systemd-dir,VARIABLE,DIRECTORY BELOW /usr OR /usr/local)
systemd-dir = $(if $(filter /usr/local,$(PREFIX)),/usr/local/$(2),$(or \
	$(shell $(PKG_CONFIG) --variable=$(1) systemd 2>/dev/null),/usr/$(2)))
systemunitdir      ?= $(call systemd-dir,systemdsystemunitdir,lib/systemd/system)
userunitdir        ?= $(call systemd-dir,systemduserunitdir,lib/systemd/user)
systemgeneratordir ?= $(call systemd-dir,systemdsystemgeneratordir,lib/systemd/system-generators)
usergeneratordir   ?= $(call systemd-dir,systemdusergeneratordir,lib/systemd/user-generators)
sysusersdir        ?= $(call systemd-dir,sysusersdir,lib/sysusers.d)
tmpfilesdir        ?= $(call systemd-dir,tmpfilesdir,lib/tmpfiles.d)
# dbus-daemon reads no other directory of packages, whatever PREFIX is.
dbuspolicydir      ?= /usr/share/dbus-1/system.d
sysconfdir         ?= /etc
logrotatedir       ?= $(sysconfdir)/logrotate.d
mandir             ?= $(PREFIX)/share/man
docdir             ?= $(PREFIX)/share/doc/wsgid
bashcompdir        ?= $(PREFIX)/share/bash-completion/completions
zshcompdir         ?= $(PREFIX)/share/zsh/site-functions
fishcompdir        ?= $(PREFIX)/share/fish/vendor_completions.d

# make run
LISTEN    ?= 127.0.0.1:8000
RUN_FLAGS ?= --processes 2 --threads 5

# make fuzz: the time of each target; make bench and bench-reload: options, as
# BENCH="-quick -only hello"
FUZZTIME ?= 10s
BENCH    ?=

SOURCES    := $(wildcard cmd contrib packaging supervisor tests units)
PY_TESTS   := $(wildcard supervisor/internal/pyworker/tests contrib/examples/hello)
TEST_DEBS  := python3-flask python3-django curl
TOOL_DEBS  := dbus groff-base mandoc zsh fish
PACK_DEBS  := lintian rpm rpmlint cpio apparmor selinux-policy-dev qemu-user
BOOT_DEBS  := mmdebstrap systemd-container debian-archive-keyring ansible-core
PEER_DEBS  := nginx-light uwsgi-core uwsgi-plugin-python3 apache2 libapache2-mod-wsgi-py3
BENCH_DEBS := $(PEER_DEBS) wrk nghttp2-client $(TEST_DEBS)

# -count=1: the tests run programs, and Go's test cache does not see those change.
GOTEST := WSGID_TEST_PYTHON=$(PYTHON) $(GO) test -count=1 -timeout 20m

# A container may give no home, where Go keeps its caches. Patterns like ./...
# leave out directories whose names begin with a dot.
ifeq ($(HOME),)
export HOME := $(CURDIR)/bin/.home
endif

# git refuses to read the tree of another user (a mounted one, say), and then Go
# refuses to build, because it cannot put the revision into the program.
ifneq ($(shell git rev-parse HEAD >/dev/null 2>&1 && echo known),known)
export GOFLAGS := $(strip $(GOFLAGS) -buildvcs=false)
endif

##@ Use

.PHONY: run
run: build ## build, and serve the example application at http://127.0.0.1:8000
	@exec $(BIN)/wsgid run contrib/examples/hello/app.py --python $(PYTHON) --listen $(LISTEN) $(RUN_FLAGS)

.PHONY: build
build: man ## build bin/wsgid and bin/wsgid-generator, static binaries, and the man page
	CGO_ENABLED=0 $(GO) build -trimpath -o $(BIN)/ ./cmd/wsgid ./cmd/wsgid-generator

# wsgi-site(5) is made from the keys that the parser goes by, so it is no file of the
# repository. Its date is that of the revision.
man-page = packaging/man/wsgi-site.5
man-date = $(if $(SOURCE_DATE_EPOCH),$(shell date -u -d @$(SOURCE_DATE_EPOCH) +%F),$(shell git log -1 --format=%cs 2>/dev/null))

.PHONY: man
man: $(man-page) ## make packaging/man/wsgi-site.5 from the keys of the site file

$(man-page): $(wildcard units/site/*.go units/site/manpage/*.go units/site/manpage/*.in units/site/manpage/examples/*)
	@mkdir -p $(@D)
	$(GO) run ./units/site/manpage -date "$(man-date)" >$@.new
	mv $@.new $@

programs     := $(BIN)/wsgid $(BIN)/wsgid-generator
system-units := $(wildcard units/shipped/wsgi*)
user-units   := $(wildcard units/shipped/user/wsgi*)
dbus-policy  := $(wildcard packaging/dbus/*.conf)
policies     := $(wildcard packaging/apparmor/wsgid-* packaging/selinux/wsgid.*)
man-pages    := $(sort $(wildcard packaging/man/*.[1-8]) $(man-page))
# What people copy, without what tests it.
examples     := $(shell find contrib -type f ! -name '*.go' ! -name 'test_*.py' ! -name '*.pyc' | LC_ALL=C sort)

# The generator finds wsgid by its own place, ../../bin/wsgid, and systemd finds the
# generator by links: so what was built fits every PREFIX.
libexecdir = $(PREFIX)/lib/wsgid
generator  = $(libexecdir)/wsgid-generator

# $(call install-texts,FILES,DIRECTORY): @bindir@ in them becomes PREFIX/bin.
define install-texts
	install -d -m 755 $(DESTDIR)$(2)
	@set -e; for text in $(1); do \
		to=$(DESTDIR)$(2)/$${text##*/}; echo "installing $$to"; \
		install -m 644 $$text $$to; sed -i 's|@bindir@|$(PREFIX)/bin|g' $$to; \
	done
endef

# $(call install-each,FILES,FUNCTION THAT GIVES THE PLACE OF ONE)
install-each = $(foreach file,$(1),install -D -m 644 $(file) $(DESTDIR)$(call $(2),$(file)) &&) true

# wsgi@.service.8 belongs into man8; contrib/examples/hello into examples/hello, and
# contrib/nginx into examples/nginx.
place-of-man     = $(mandir)/man$(subst .,,$(suffix $(1)))/$(notdir $(1))
place-of-policy  = $(PREFIX)/share/wsgid/$(patsubst packaging/%,%,$(1))
place-of-example = $(docdir)/examples/$(patsubst examples/%,%,$(patsubst contrib/%,%,$(1)))

# Everything that install makes, but for directories.
installed = $(PREFIX)/bin/wsgid $(generator) \
	$(systemgeneratordir)/wsgid-generator $(usergeneratordir)/wsgid-user-generator \
	$(addprefix $(systemunitdir)/,$(notdir $(system-units))) \
	$(addprefix $(userunitdir)/,$(notdir $(user-units))) \
	$(sysusersdir)/wsgid.conf $(tmpfilesdir)/wsgid.conf $(logrotatedir)/wsgid \
	$(addprefix $(dbuspolicydir)/,$(notdir $(dbus-policy))) \
	$(bashcompdir)/wsgid $(zshcompdir)/_wsgid $(fishcompdir)/wsgid.fish \
	$(docdir)/README.md $(docdir)/CHANGELOG.md \
	$(foreach file,$(man-pages),$(call place-of-man,$(file))) \
	$(foreach file,$(policies),$(call place-of-policy,$(file))) \
	$(foreach file,$(examples),$(call place-of-example,$(file)))

# What a package runs after it: users, /run/wsgi, the bus's and systemd's look at what is new.
after-install := systemd-sysusers wsgid.conf && systemd-tmpfiles --create wsgid.conf && \
	systemctl reload dbus && systemctl daemon-reload

# Programs that are there are not built again: root, who installs, often has no Go.
.PHONY: install
install: $(if $(filter-out $(wildcard $(programs)),$(programs)),build) $(if $(wildcard $(man-page)),,man) ## install under PREFIX (/usr/local) and where systemd reads; honours DESTDIR
	install -D -m 755 $(BIN)/wsgid $(DESTDIR)$(PREFIX)/bin/wsgid
	install -D -m 755 $(BIN)/wsgid-generator $(DESTDIR)$(generator)
	install -d -m 755 $(DESTDIR)$(systemgeneratordir) $(DESTDIR)$(usergeneratordir) $(DESTDIR)$(sysconfdir)/wsgi
	ln -sf $(generator) $(DESTDIR)$(systemgeneratordir)/wsgid-generator
	ln -sf $(generator) $(DESTDIR)$(usergeneratordir)/wsgid-user-generator
	$(call install-texts,$(system-units),$(systemunitdir))
	$(call install-texts,$(user-units),$(userunitdir))
	$(call install-texts,packaging/logrotate/wsgid,$(logrotatedir))
	install -D -m 644 packaging/sysusers/wsgid.conf $(DESTDIR)$(sysusersdir)/wsgid.conf
	install -D -m 644 packaging/tmpfiles/wsgid.conf $(DESTDIR)$(tmpfilesdir)/wsgid.conf
	install -D -m 644 -t $(DESTDIR)$(dbuspolicydir) $(dbus-policy)
	install -D -m 644 packaging/completions/wsgid.bash $(DESTDIR)$(bashcompdir)/wsgid
	install -D -m 644 packaging/completions/wsgid.zsh $(DESTDIR)$(zshcompdir)/_wsgid
	install -D -m 644 packaging/completions/wsgid.fish $(DESTDIR)$(fishcompdir)/wsgid.fish
	install -D -m 644 -t $(DESTDIR)$(docdir) README.md CHANGELOG.md
	@$(call install-each,$(man-pages),place-of-man)
	@$(call install-each,$(policies),place-of-policy)
	@$(call install-each,$(examples),place-of-example)
	@[ -n "$(DESTDIR)" ] || echo "next: $(after-install)"

# Site files, and the directory while it holds any, belong to who wrote them.
.PHONY: uninstall
uninstall: ## remove what install put there; the same PREFIX and DESTDIR
	rm -f $(addprefix $(DESTDIR),$(installed))
	@rmdir $(DESTDIR)$(libexecdir) $(DESTDIR)$(sysconfdir)/wsgi 2>/dev/null || true
	@for dir in $(DESTDIR)$(docdir) $(DESTDIR)$(PREFIX)/share/wsgid; do \
		[ ! -d $$dir ] || find $$dir -type d -empty -delete; done

# make packages; VERSION=… and SOURCE_DATE_EPOCH=… are those of the commit otherwise.
PACKAGE_ARCHS ?= amd64 arm64

.PHONY: packages
packages: ## build dist/*.deb and dist/*.rpm for PACKAGE_ARCHS (amd64 arm64); the same commit, the same bytes
	@GO="$(GO)" OUT="$(or $(OUT),dist)" $(if $(VERSION),VERSION="$(VERSION)") sh packaging/build.sh $(PACKAGE_ARCHS)

.PHONY: pictures
pictures: ## draw contrib/pictures/*.svg: a site, and a reload in time
	$(GO) run ./contrib/pictures contrib/pictures

.PHONY: clean
clean: ## remove what was built
	@[ ! -d bin/.home ] || chmod -R u+w bin/.home
	rm -rf bin dist $(man-page)

##@ Test

.PHONY: test
test: lint build test-packages pack-packages boot-packages test-python ## lint, then every test, the Go ones with the race detector
	@$(find-race); export WSGID_TEST_BINARY=$(abspath $(BIN)/wsgid); status=0; \
	$(GOTEST) $$race $$($(GO) list ./... | grep -v '/tests/boot$$') || status=1; \
	$(boot-tests) || status=1; \
	exit $$status

.PHONY: test-all
test-all: ## test, under the systemd of bullseye, bookworm and trixie
	@$(MAKE) test WSGID_BOOT_RELEASES="bullseye bookworm trixie"

.PHONY: test-boot
test-boot: build boot-packages ## the tests under a booted systemd only (root); WSGID_BOOT_RELEASES chooses
	@export WSGID_TEST_BINARY=$(abspath $(BIN)/wsgid); $(boot-tests)

# Apart from the others, which would be measured beside machines that boot. -v: go test
# is silent about skipped tests without it, and nobody would see what was not proved.
boot-tests = $(GOTEST) $$race -v ./tests/boot

.PHONY: soak
soak: build boot-packages ## an hour of reloads, upgrades (of the package, too), restarts and kills under load (root); WSGID_SOAK_SEED repeats one
	@export WSGID_TEST_BINARY=$(abspath $(BIN)/wsgid) WSGID_SOAK=long; \
	$(GO) test -count=1 -timeout 4h -v -run '^Test(Soak|Packages)$$' ./tests/boot

.PHONY: test-short
test-short: test-packages test-python ## the tests that take seconds, without the race detector
	$(GOTEST) -short ./...

.PHONY: test-python
test-python: ## the Python tests
	@for tests in $(PY_TESTS); do \
		echo "python tests of $$tests"; \
		$(PYTHON) -B -W error -m unittest discover -s $$tests || exit 1; \
	done

.PHONY: test-packages
test-packages:
	@$(call packages,$(TEST_DEBS) $(TOOL_DEBS),the tests with Flask and Django projects, with curl, D-Bus, man pages or other shells are left out)

.PHONY: pack-packages
pack-packages:
	@$(call packages,$(PACK_DEBS),some tests of the deb and the rpm are left out)

.PHONY: boot-packages
boot-packages:
	@$(call packages,$(BOOT_DEBS),the tests under a booted systemd are left out)

.PHONY: lint
lint: ## gofumpt, go vet, staticcheck, and whether the Python files compile
	@unformatted=$$($(GO) tool gofumpt -l $(SOURCES)) || exit 1; \
	[ -z "$$unformatted" ] || { echo "gofumpt would change:"; echo "$$unformatted"; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	@find $(SOURCES) -name '*.py' -exec $(PYTHON) -W error -c '$(compile-python)' {} +

.PHONY: race
race: test-packages ## the Go tests, with the race detector in the served program, too
	@$(find-race); WSGID_TEST_BUILDFLAGS=$$race $(GOTEST) $$race ./...

.PHONY: fuzz
fuzz: ## every fuzz target, each for FUZZTIME (10s)
	@grep -ro --include='*_test.go' '^func Fuzz[[:alnum:]_]*' $(SOURCES) | \
	sed 's|/[^/]*:func | |' | sort | { status=0; while read -r package target; do \
		echo "$$package $$target"; \
		$(GO) test -run='^$$' -fuzz="^$$target\$$" -fuzztime=$(FUZZTIME) -fuzzminimizetime=10x ./$$package \
			</dev/null || status=1; \
	done; exit $$status; }

# Debian starts nginx and apache2 as services when they are installed: do not
# run this as root where that is unwelcome. bench itself names what is missing.
.PHONY: bench
bench: ## measure wsgid beside nginx+uWSGI and Apache+mod_wsgi, and as systemd runs it; BENCH=-quick for a first look
	@[ "$$(id -u)" != 0 ] || { $(call packages,$(BENCH_DEBS),not every server can be measured); \
		$(call packages,$(BOOT_DEBS),the rows scale are left out); }
	$(GO) build -trimpath -o bin/bench ./tests/bench
	bin/bench $(BENCH)

.PHONY: bench-reload
bench-reload: ## count what clients lose while wsgid and other servers reload; the same BENCH and warning
	@[ "$$(id -u)" != 0 ] || { $(call packages,$(PEER_DEBS) gunicorn,not every server can be measured); \
		$(call packages,$(BOOT_DEBS),wsgid is measured without systemd); }
	$(GO) build -trimpath -o bin/bench-reload ./tests/reload
	bin/bench-reload $(BENCH)

.PHONY: bench-faults
bench-faults: ## show what Apache+mod_wsgi and wsgid do where things go wrong; the same BENCH and warning
	@[ "$$(id -u)" != 0 ] || { $(call packages,apache2 libapache2-mod-wsgi-py3,mod_wsgi is not tried); \
		$(call packages,$(BOOT_DEBS),wsgid is not tried); }
	$(GO) build -trimpath -o bin/bench-faults ./tests/faults
	bin/bench-faults $(BENCH)

##@ Help

.PHONY: help
help: ## list the targets
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

# $(call packages,PACKAGES,LOSS): shell code that installs what is missing of
# PACKAGES. Without root, or without success, one line says what to install and
# what is lost. It leaves the missing names in the shell's variable missing.
APT_GET := DEBIAN_FRONTEND=noninteractive apt-get -qqy -o DPkg::Lock::Timeout=300
define packages
missing=; for package in $(1); do \
		[ "$$(dpkg-query -W -f='$${db:Status-Status}' $$package 2>/dev/null)" = installed ] || \
			missing="$$missing $$package"; \
	done; \
	if [ -n "$$missing" ]; then \
		{ [ "$$(id -u)" = 0 ] && echo "installing$$missing" && $(APT_GET) update && \
			$(APT_GET) install --no-install-recommends $$missing >/dev/null; } || \
			echo "$(2); to change that: apt-get install$$missing"; \
	fi
endef

# Shell code that sets the variable race to -race, or to nothing when no C
# compiler can be had, which the race detector needs.
have-cc = echo '\#include <stdlib.h>' | $$($(GO) env CC) -E - >/dev/null 2>&1
define find-race
race=-race; export CGO_ENABLED=1; \
	$(have-cc) || { \
		$(call packages,gcc libc6-dev,the tests run without the race detector); \
		$(have-cc) || [ -z "$$missing" ] || { race=; CGO_ENABLED=0; }; \
	}
endef

compile-python := import sys; from pathlib import Path; \
	[compile(Path(name).read_bytes(), name, "exec") for name in sys.argv[1:]]
