# SPDX-License-Identifier: GPL-2.0
# One non-recursive file; everything it makes is under build/ (BUILD=DIR for another place).
#   make deps | make | make run | make check | make test | make test-long | make bench | make lint | make install

VERSION := $(shell sed -n 's/^\#define AJAR_VERSION "\(.*\)"/\1/p' include/ajar/version.h)

CC ?= gcc
ifeq ($(origin CC),default)
CC := gcc
endif
CLANG ?= clang
LLVM_STRIP ?= llvm-strip
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
PKG_CONFIG ?= pkg-config
BUILD ?= build
ifeq ($(SAN),1)
B := $(BUILD)/san
else
B := $(BUILD)
endif

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
SBINDIR ?= $(PREFIX)/sbin
SYSCONFDIR ?= /etc
UNITDIR ?= $(PREFIX)/lib/systemd/system
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
TMPFILESDIR ?= $(PREFIX)/lib/tmpfiles.d
MANDIR ?= $(PREFIX)/share/man
DOCDIR ?= $(PREFIX)/share/doc/ajar
COMPLETIONDIR ?= $(PREFIX)/share/bash-completion/completions
DESTDIR ?=

ifeq ($(V),1)
Q :=
msg :=
else
Q := @
msg = @printf '  %-8s %s\n' "$(1)" "$(2)";
MAKEFLAGS += --no-print-directory
endif

MAKEFLAGS += -r
.DELETE_ON_ERROR:
.SECONDARY:
.SUFFIXES:
.PHONY: all man pictures deps deps-build deps-test deps-kernels deps-bench print-deps print-libs run check test test-kernels test-long bench lint fmt fuzz install uninstall clean tests help

# --- flags ---------------------------------------------------------------------------------------

WARN := -Wall -Wextra -Wformat=2 -Wmissing-prototypes -Wstrict-prototypes -Wold-style-definition \
	-Wshadow -Wundef -Wvla -Wpointer-arith -Wwrite-strings -Wimplicit-fallthrough -Wdate-time
ifneq ($(findstring clang,$(CC)),clang)
WARN += -Wmissing-format-attribute
endif
ifeq ($(WERROR),1)
WARN += -Werror
endif
OPT := -O2 -g
HARDEN := -fstack-protector-strong -D_FORTIFY_SOURCE=2
ifeq ($(SAN),1)
OPT := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
HARDEN :=
SAN_LD := -fsanitize=address,undefined
endif
PREFIX_MAP := -ffile-prefix-map=$(CURDIR)=. -ffile-prefix-map=$(B)=build
CPPFLAGS_ALL := -D_GNU_SOURCE -Iuser -Iinclude -I$(B)/gen
CFLAGS_ALL := -std=gnu17 $(OPT) $(WARN) $(HARDEN) -fPIE -fno-common -fvisibility=hidden $(PREFIX_MAP) $(CFLAGS)
LDFLAGS_ALL := -pie -Wl,-z,relro,-z,now -Wl,--build-id=sha1 $(SAN_LD) $(LDFLAGS)

pkg_libs = $(shell $(PKG_CONFIG) --libs $(1) 2>/dev/null)
LIBS_AGENT := $(or $(call pkg_libs,libbpf),-lbpf) -lelf -lz
# The client library of MariaDB, or else that of MySQL; only the store's driver and its tests see it.
MYSQL_PKG := $(firstword $(shell for p in libmariadb mysqlclient; do $(PKG_CONFIG) --exists $$p && echo $$p; done) libmariadb)
MYSQL_CFLAGS := $(patsubst -I%,-isystem %,$(filter -I%,$(shell $(PKG_CONFIG) --cflags $(MYSQL_PKG) 2>/dev/null)))
CPPFLAGS_ALL += $(MYSQL_CFLAGS)
LIBS := $(LIBS_AGENT) $(or $(call pkg_libs,sqlite3),-lsqlite3) $(or $(call pkg_libs,smartcols),-lsmartcols) \
	$(or $(call pkg_libs,$(MYSQL_PKG)),-lmariadb) $(or $(call pkg_libs,expat),-lexpat) \
	$(or $(call pkg_libs,jansson),-ljansson) -lcrypt

# --- sources -------------------------------------------------------------------------------------

MODULES := base core conf redirect sensor journal store ship sim audit alert view scan notify monitor web daemon
LIB_SRC := $(sort $(foreach m,$(MODULES),$(wildcard user/$(m)/*.c)))
AGENT_SRC := $(sort $(wildcard user/agent/*.c))
CLI_SRC := $(sort $(wildcard user/cli/*.c))
BPF_SRC := $(sort $(wildcard bpf/*.bpf.c))
SQL_SRC := $(sort $(wildcard sql/store/*/*.sql))
PAGE_SRC := $(sort $(shell find user/web/page -type f ! -name '*.d.ts' ! -name tsconfig.json))

LIB_OBJ := $(LIB_SRC:%.c=$(B)/%.o) $(if $(SQL_SRC),$(B)/gen/sql.o) $(B)/gen/page.o
AGENT_OBJ := $(AGENT_SRC:%.c=$(B)/%.o)
CLI_OBJ := $(CLI_SRC:%.c=$(B)/%.o)
BPF_OBJ := $(BPF_SRC:%.c=$(B)/%.o)
BPF_BARE_OBJ := $(patsubst %.c,$(B)/%.o,$(sort $(wildcard bpf/bare/*.bpf.c)))
BPF_PLAIN_OBJ := $(BPF_SRC:bpf/%.c=$(B)/bpf/plain/%.o)
SKEL := $(if $(BPF_SRC),$(B)/gen/ajar.skel.h $(B)/gen/ajar_plain.skel.h $(B)/gen/ajar_bare.skel.h)

TEST_SRC := $(sort $(foreach d,unit abi bpf store e2e fault,$(wildcard tests/$(d)/test_*.c)))
TEST_BIN := $(TEST_SRC:%.c=$(B)/%)
BENCH_BIN := $(patsubst %.c,$(B)/%,$(sort $(wildcard tests/bench/*.c)))
HELPER_BIN := $(patsubst %.c,$(B)/%,$(sort $(wildcard tests/helpers/*.c)))
SIM_SRC := $(sort $(wildcard tests/sim/*.c))
SIM_BIN := $(if $(SIM_SRC),$(B)/tests/sim/sim)
FUZZ_BIN := $(patsubst %.c,$(B)/%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))

all: $(B)/ajar $(B)/ajar-agent
	@:

# --- BPF: one object, embedded; once more for kernels before 5.12 (bpf/atomic.h); a small one for those without BTF (bpf/bare) ---

# What the compiler makes programs for, so that CC="clang --target=..." is enough.
BPF_ARCH := $(shell { $(CC) -dumpmachine 2>/dev/null || uname -m; } | sed 's/-.*//; s/x86_64/x86/; s/aarch64/arm64/; s/p.*pc64le/powerpc/')
BPF_CFLAGS := -g -O2 -target bpf -D__TARGET_ARCH_$(BPF_ARCH) -Wall -Wextra -Wno-unused-parameter \
	-Wno-missing-declarations $(if $(filter 1,$(WERROR)),-Werror) -Iinclude -Ivmlinux -Ibpf \
	-ffile-prefix-map=$(CURDIR)=. -fdebug-compilation-dir=. $(BPF_EXTRA)

$(B)/bpf/%.bpf.o: bpf/%.bpf.c | $(B)/.deps
	$(call msg,BPF,$<)
	$(Q)mkdir -p $(@D) && $(CLANG) $(BPF_CFLAGS) -mcpu=v3 -MMD -MP -MT $@ -MF $(@:.o=.d) -c $< -o $@.full
	$(Q)$(LLVM_STRIP) -g $@.full -o $@ && rm -f $@.full

$(B)/bpf/plain/%.bpf.o: bpf/%.bpf.c | $(B)/.deps
	$(call msg,BPF,$< plain)
	$(Q)mkdir -p $(@D) && $(CLANG) $(BPF_CFLAGS) -mcpu=v2 -DAJAR_PLAIN -MMD -MP -MT $@ -MF $(@:.o=.d) -c $< -o $@.full
	$(Q)$(LLVM_STRIP) -g $@.full -o $@ && rm -f $@.full

$(B)/bpf/bare/%.bpf.o: bpf/bare/%.bpf.c | $(B)/.deps
	$(call msg,BPF,$<)
	$(Q)mkdir -p $(@D) && $(CLANG) $(BPF_CFLAGS) -mcpu=v2 -DAJAR_PLAIN -MMD -MP -MT $@ -MF $(@:.o=.d) -c $< -o $@.full
	$(Q)$(LLVM_STRIP) -g $@.full -o $@ && rm -f $@.full

$(B)/gen/ajar.bpf.o: $(BPF_OBJ)
$(B)/gen/ajar_plain.bpf.o: $(BPF_PLAIN_OBJ)
$(B)/gen/ajar_bare.bpf.o: $(BPF_BARE_OBJ)
$(B)/gen/%.bpf.o:
	$(call msg,BPFLINK,$@)
	$(Q)mkdir -p $(@D) && $(BPFTOOL) gen object $@ $^

$(B)/gen/%.skel.h: $(B)/gen/%.bpf.o
	$(call msg,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $*_bpf > $@

# --- SQL migrations, embedded as C strings ---------------------------------------------------------

$(B)/gen/sql.c: $(SQL_SRC) sql/embed.sh
	$(call msg,SQL,$@)
	$(Q)mkdir -p $(@D) && sh sql/embed.sh $(SQL_SRC) > $@

$(B)/gen/sql.o: $(B)/gen/sql.c
	$(call msg,CC,$<)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -c $< -o $@

# --- the web page, compressed and embedded -----------------------------------------------------------

$(B)/gen/page.c: $(PAGE_SRC) user/web/embed.sh $(B)/.page
	$(call msg,PAGE,$@)
	$(Q)mkdir -p $(@D) && sh user/web/embed.sh $(PAGE_SRC) > $@

# Which files there are: one that goes away makes it anew too.
$(B)/.page: FORCE
	$(Q)mkdir -p $(B) && printf '%s\n' '$(PAGE_SRC)' | cmp -s - $@ || printf '%s\n' '$(PAGE_SRC)' > $@

$(B)/gen/page.o: $(B)/gen/page.c user/web/assets.h
	$(call msg,CC,$<)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -c $< -o $@

# --- C ---------------------------------------------------------------------------------------------

# What the compiler and flags were: objects are made anew when they change.
$(B)/.flags: FORCE
	$(Q)mkdir -p $(B) && printf '%s\n' '$(CC) $(CFLAGS_ALL) $(CPPFLAGS_ALL)' | cmp -s - $@ || \
		printf '%s\n' '$(CC) $(CFLAGS_ALL) $(CPPFLAGS_ALL)' > $@
FORCE:

$(B)/user/%.o: user/%.c $(B)/.flags | $(SKEL) $(B)/.deps
	$(call msg,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c $< -o $@

$(B)/libajar.a: $(LIB_OBJ)
	$(call msg,AR,$@)
	$(Q)rm -f $@ && ar rcsD $@ $^

$(B)/ajar: $(CLI_OBJ) $(B)/libajar.a
	$(call msg,LINK,$@)
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)

$(B)/ajar-agent: $(AGENT_OBJ) $(B)/libajar.a
	$(call msg,LINK,$@)
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $^ $(LIBS_AGENT)

$(B)/tests/%.o: tests/%.c $(B)/.flags | $(SKEL) $(B)/.deps
	$(call msg,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(CPPFLAGS_ALL) -Itests -I. $(CFLAGS_ALL) -MMD -MP -c $< -o $@

$(B)/tests/%: $(B)/tests/%.o $(B)/libajar.a
	$(call msg,LINK,$@)
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $^ $(LIBS) $(TEST_LIBS)

# The rows of verbs are not in the library.
$(B)/tests/unit/test_cli_rows: $(B)/tests/unit/test_cli_rows.o $(filter-out $(B)/user/cli/main.o,$(CLI_OBJ)) $(B)/libajar.a
	$(call msg,LINK,$@)
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)

$(B)/tests/sim/sim: $(SIM_SRC:%.c=$(B)/%.o) $(B)/libajar.a
	$(call msg,LINK,$@)
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)

# What the targets need of the library once more, as the fuzzer wants it: made once for all of them.
FUZZ_MODULES := $(filter-out sensor sim audit monitor daemon,$(MODULES))
FUZZ_SRC := $(filter $(FUZZ_MODULES:%=user/%/%),$(LIB_SRC))
FUZZ_CFLAGS := $(CPPFLAGS_ALL) -Itests -std=gnu17 -O1 -g -fno-sanitize-recover=undefined
FUZZ_OBJ := $(FUZZ_SRC:%.c=$(B)/fuzz/%.o) $(if $(SQL_SRC),$(B)/fuzz/gen/sql.o) $(B)/fuzz/gen/page.o

$(B)/fuzz/user/%.o: user/%.c $(B)/.flags | $(SKEL) $(B)/.deps
	$(call msg,FUZZCC,$<)
	$(Q)mkdir -p $(@D) && $(CLANG) $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link,address,undefined -MMD -MP -c $< -o $@

$(B)/fuzz/gen/%.o: $(B)/gen/%.c
	$(call msg,FUZZCC,$<)
	$(Q)mkdir -p $(@D) && $(CLANG) $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link,address,undefined -c $< -o $@

$(B)/fuzz/libajar.a: $(FUZZ_OBJ)
	$(call msg,AR,$@)
	$(Q)rm -f $@ && ar rcsD $@ $^

$(B)/tests/fuzz/fuzz_%: tests/fuzz/fuzz_%.c $(B)/fuzz/libajar.a | $(SKEL) $(B)/.deps
	$(call msg,FUZZ,$<)
	$(Q)mkdir -p $(@D) && $(CLANG) $(FUZZ_CFLAGS) -fsanitize=fuzzer,address,undefined $^ -o $@ $(LIBS)

-include $(shell find $(B) -path $(B)/vm -prune -o -type f -name '*.d' -print 2>/dev/null)

# --- dependencies ------------------------------------------------------------------------------------

DEPS_BUILD := gcc make clang llvm bpftool libbpf-dev libelf-dev zlib1g-dev libsqlite3-dev libsmartcols-dev libmariadb-dev libexpat1-dev \
	libcurl4-openssl-dev libmicrohttpd-dev libjansson-dev libcrypt-dev libc6-dev linux-libc-dev pkg-config iproute2 netcat-openbsd nmap
# Other kernels and processors, tests/vm: from this one architecture.
DEPS_VM := $(if $(filter x86_64,$(shell uname -m)),busybox-static cpio qemu-system-x86 xz-utils lld qemu-user)
DEPS_TEST := $(DEPS_BUILD) nftables iptables python3 perl-base strace sqlite3 libclang-rt-dev clang-format shellcheck git procps \
	liburing-dev gcc-multilib jq faketime systemd mandoc bash-completion mariadb-server-core mariadb-client-core openssl \
	clustershell genders prometheus prometheus-alertmanager rsyslog rsyslog-gnutls galera-4 openssh-server openssh-client nginx-light \
	rpcbind chrony slurm-client pdsh unbound bind9 dnsmasq-base avahi-daemon vsftpd nfs-common \
	mmdebstrap debian-archive-keyring locales nodejs node-typescript $(DEPS_VM)
# Kernels for arm64, which `make test` does not boot.
DEPS_KERNELS := $(if $(DEPS_VM),qemu-system-arm)
# A browser for the web page, and npm for what drives it (tests/e2e/page); some packages of nodejs have npm inside.
DEPS_BROWSER := chromium-headless-shell $(if $(shell command -v npm),,npm)
# Peers that `make bench` compares with; `make test` does without, and says so.
DEPS_BENCH := bpftrace auditd
apt_missing = $$(for p in $(1); do dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || printf '%s ' $$p; done)

define apt_install
	@missing="$(call apt_missing,$(1))"; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if ! command -v apt-get >/dev/null; then echo "make: please install: $$missing" >&2; exit 2; fi; \
	if [ "$$(id -u)" != 0 ]; then echo "make: not root: run 'sudo make $(2)' once to install: $$missing" >&2; exit 2; fi; \
	echo "  APT      installing: $$missing"; \
	export DEBIAN_FRONTEND=noninteractive SYSTEMD_OFFLINE=1; : daemons among them are not started, with systemd or without; \
	p=/usr/sbin/policy-rc.d; [ -e $$p ] || { printf '#!/bin/sh\nexit 101\n' >$$p && chmod 755 $$p && trap "rm -f $$p" EXIT; }; \
	apt-get install -y -q --no-install-recommends $$missing >$(BUILD)/apt.log 2>&1 || \
	{ apt-get update -q >>$(BUILD)/apt.log 2>&1; apt-get install -y -q --no-install-recommends $$missing >>$(BUILD)/apt.log 2>&1; } || \
	{ tail -5 $(BUILD)/apt.log >&2; echo "make: apt-get could not install: $$missing (see $(BUILD)/apt.log)" >&2; exit 2; }
endef

deps: deps-build
deps-build:
	@mkdir -p $(BUILD)
	$(call apt_install,$(DEPS_BUILD),deps)
deps-bench:
	@mkdir -p $(BUILD)
	$(call apt_install,$(DEPS_BENCH),bench)
deps-kernels:
	@mkdir -p $(BUILD)
	$(call apt_install,$(DEPS_KERNELS),test-kernels)
deps-test:
	@mkdir -p $(BUILD)
	$(call apt_install,$(DEPS_TEST) $(if $(or $(filter e2e,$(ONLY)),$(if $(ONLY),,all)),$(DEPS_BROWSER)),test)

print-deps:
	@echo $(DEPS_TEST)
# Those that a build for another architecture needs of it.
print-libs:
	@echo $(filter %-dev,$(DEPS_BUILD))

# A build without `make deps` fails at the first missing tool with the remedy, not with a compiler's riddle.
$(B)/.deps:
	@mkdir -p $(B); for t in $(CLANG) $(LLVM_STRIP) $(BPFTOOL) $(PKG_CONFIG); do command -v $$t >/dev/null || \
	{ echo "make: '$$t' is missing: run 'make deps' as root first" >&2; exit 2; }; done; \
	for l in libbpf sqlite3 smartcols libcurl libmicrohttpd jansson expat $(MYSQL_PKG); do $(PKG_CONFIG) --exists $$l || \
	{ echo "make: the library '$$l' is missing: run 'make deps' as root first" >&2; exit 2; }; done; touch $@

# --- what people call --------------------------------------------------------------------------------

run: deps-build
	@$(MAKE) $(JOBS) all
	@$(B)/ajar run $(RUN_ARGS)

tests: all $(TEST_BIN) $(BENCH_BIN) $(HELPER_BIN) $(SIM_BIN) $(FUZZ_BIN)

check: $(patsubst %.c,$(B)/%,$(filter tests/unit/% tests/abi/%,$(TEST_SRC)))
	@BUILD=$(B) sh tests/run.sh unit abi

# As many jobs as there are cores, unless -j said another number.
JOBS = $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))

# ONLY="unit abi": these groups of tests.
test: deps-test
	@$(MAKE) $(JOBS) $(if $(ONLY),all $(filter $(ONLY:%=$(B)/tests/%/%),$(TEST_BIN)),tests)
	@BUILD=$(B) MAKE='$(MAKE)' sh tests/run.sh $(or $(ONLY),all)

# More kernels than `make test` has time for; writes the table in tests/vm/README.md.
test-kernels: deps-test deps-kernels
	@$(MAKE) $(JOBS) tests
	@BUILD=$(B) MAKE='$(MAKE)' AJAR_VM_KERNELS="5.10 6.1 6.12 6.1-arm64 6.12-arm64" AJAR_VM_TIMEOUT=1800 AJAR_VM_TABLE=tests/vm/README.md bash tests/vm/test_kernels.sh

test-long: deps-test
	@$(MAKE) $(JOBS) tests
	@BUILD=$(B) MAKE='$(MAKE)' AJAR_LONG=1 sh tests/run.sh all
	@BUILD=$(B) MAKE='$(MAKE)' AJAR_ANY_DAY=1 AJAR_TEST_TMP=disk sh tests/run.sh unit abi store bpf fault e2e

bench: deps-bench tests
	@BUILD=$(B) sh tests/run.sh bench

# README's, from `ajar demo`.
pictures: deps-test
	@$(MAKE) $(JOBS) all $(B)/tests/helpers/hold_door
	@BUILD=$(B) bash tests/e2e/pictures.sh deploy/pictures

fuzz: $(FUZZ_BIN)
	@BUILD=$(B) sh tests/run.sh fuzz

lint:
	@sh tests/lint/run.sh

fmt:
	$(Q)git ls-files '*.c' 'user/*.h' 'bpf/*.h' | xargs clang-format -i

# Units name the programs by the places they are installed to.
UNITS := $(sort $(wildcard deploy/systemd/*.service))
PAGES := $(patsubst deploy/man/%.in,$(B)/man/%,$(sort $(wildcard deploy/man/*.in)))
GRAFANA := ajar.json provisioning/dashboards/ajar.yaml provisioning/datasources/ajar.yaml
# The sections of pages: ajar.8 goes to man8/.
section = man$(subst .,,$(suffix $(1)))

# Prose by hand around lists that the program writes out of its tables.
$(B)/man/%: deploy/man/%.in deploy/man/make.sh $(B)/ajar
	$(call msg,MAN,$@)
	$(Q)mkdir -p $(@D) && sh deploy/man/make.sh $(B)/ajar $< > $@

man: $(PAGES)

install: all man
	$(call msg,INSTALL,$(DESTDIR)$(PREFIX))
	$(Q)install -D -m 0755 $(B)/ajar $(DESTDIR)$(BINDIR)/ajar
	$(Q)install -D -m 0755 $(B)/ajar-agent $(DESTDIR)$(SBINDIR)/ajar-agent
	$(Q)install -d $(DESTDIR)$(UNITDIR)
	$(Q)for u in $(UNITS); do f=$(DESTDIR)$(UNITDIR)/$${u##*/}; \
		sed -e 's|/usr/sbin/|$(SBINDIR)/|' -e 's|/usr/bin/|$(BINDIR)/|' $$u > $$f && chmod 0644 $$f || exit; done
	$(Q)install -D -m 0644 deploy/sysusers/ajar.conf $(DESTDIR)$(SYSUSERSDIR)/ajar.conf
	$(Q)install -D -m 0644 deploy/tmpfiles/ajar.conf $(DESTDIR)$(TMPFILESDIR)/ajar.conf
	$(Q)$(foreach p,$(PAGES),install -D -m 0644 $(p) $(DESTDIR)$(MANDIR)/$(call section,$(p))/$(notdir $(p)) &&) :
	$(Q)install -D -m 0644 deploy/conf/ajar.conf $(DESTDIR)$(DOCDIR)/ajar.conf
	$(Q)install -D -m 0644 deploy/systemd/raw-scans.conf $(DESTDIR)$(DOCDIR)/raw-scans.conf
	$(Q)install -D -m 0644 deploy/systemd/canary-cgroup.conf $(DESTDIR)$(DOCDIR)/canary-cgroup.conf
	$(Q)install -D -m 0644 deploy/prometheus/ajar.rules.yml $(DESTDIR)$(DOCDIR)/ajar.rules.yml
	$(Q)install -D -m 0644 deploy/api/openapi.json $(DESTDIR)$(DOCDIR)/openapi.json
	$(Q)for f in $(GRAFANA); do install -D -m 0644 deploy/grafana/$$f $(DESTDIR)$(DOCDIR)/grafana/$$f || exit; done
	$(Q)install -D -m 0644 deploy/completions/ajar $(DESTDIR)$(COMPLETIONDIR)/ajar
	$(Q)ln -sf ajar $(DESTDIR)$(COMPLETIONDIR)/ajar-agent

# What `make install` put there, with the same variables; the account and /var/lib/ajar stay: they are evidence.
uninstall:
	$(Q)rm -f $(DESTDIR)$(BINDIR)/ajar $(DESTDIR)$(SBINDIR)/ajar-agent \
		$(UNITS:deploy/systemd/%=$(DESTDIR)$(UNITDIR)/%) \
		$(DESTDIR)$(SYSUSERSDIR)/ajar.conf $(DESTDIR)$(TMPFILESDIR)/ajar.conf $(DESTDIR)$(DOCDIR)/ajar.conf $(DESTDIR)$(DOCDIR)/raw-scans.conf \
		$(DESTDIR)$(DOCDIR)/canary-cgroup.conf \
		$(DESTDIR)$(DOCDIR)/openapi.json $(DESTDIR)$(DOCDIR)/ajar.rules.yml $(GRAFANA:%=$(DESTDIR)$(DOCDIR)/grafana/%) \
		$(foreach p,$(PAGES),$(DESTDIR)$(MANDIR)/$(call section,$(p))/$(notdir $(p))) \
		$(DESTDIR)$(COMPLETIONDIR)/ajar $(DESTDIR)$(COMPLETIONDIR)/ajar-agent

clean:
	$(Q)rm -rf $(BUILD)

help:
	@printf '  make %-10s %s\n' \
		'' 'build/ajar and build/ajar-agent; V=1 shows commands, SAN=1 adds ASan and UBSan, WERROR=1, BUILD=DIR' \
		run 'as root: install what it needs, build, watch this machine; RUN_ARGS="--data DIR ..."' \
		deps 'as root, once: what the build needs (test: and what the tests need)' \
		check 'unit and ABI tests: no root, seconds' \
		test 'as root: everything, on the real kernel; the last line is "N passed, N failed"; ONLY="unit e2e": these' \
		test-long 'the same at a higher count: hours' \
		test-kernels 'as root: the sensor on more kernels, in QEMU' \
		bench 'figures' \
		lint 'what CI holds the sources to' \
		fmt 'clang-format' \
		install 'DESTDIR= PREFIX=/usr/local; uninstall takes away what it put there' \
		clean 'everything that was made'
