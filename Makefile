# wa_collector: see `make help`.
#
# Two worlds meet here and are kept apart.  The core (src/protocol, src/crypto,
# src/net and the few plain files of src/collector) is compiled without
# PostgreSQL on the include path, once per variant: "core" for the module and
# the simulator, "asan" for the unit tests, "fuzz" for the fuzz targets.  Only
# the rest of src/collector sees PostgreSQL, through PGXS.
#
# Everything made lands in $(BUILD), except wa_collector.so and wa_simulator.

EXTENSION = wa_collector
MODULE_big = wa_collector
EXTVERSION := $(shell sed -n "s/^default_version *= *'\(.*\)'.*/\1/p" wa_collector.control)

BUILD ?= build
# Empty it (make WERROR=) to build with a compiler that knows newer warnings.
WERROR ?= -Werror
WARNINGS = -Wall -Wextra -Wmissing-prototypes -Wstrict-prototypes -Wvla -Wshadow \
	-Wno-missing-field-initializers -Wformat-security $(WERROR)
CLANG ?= clang
# make V=1 shows the compiler's command lines.
Q := $(if $(V),,@)
CLANG_FORMAT ?= clang-format-14
FUZZ_RUNS ?= 100000
# They encrypt in every execution: a tenth of the others' runs is what there is time for.
FUZZ_SLOW = client_message
KILLS ?= 500
DROP ?= 0
CHAOS_BOTS ?= 200
CHAOS_GROUPS ?= 50
CHAOS_RATE ?= 200

# ---------------------------------------------------------------- sources

PROTOS := $(wildcard src/protocol/*.proto)
GEN = $(BUILD)/gen
PROTO_SOURCES := $(PROTOS:src/protocol/%.proto=$(GEN)/%.pb-c.c)
GENERATED := $(PROTO_SOURCES) $(PROTO_SOURCES:.c=.h) $(GEN)/token_tables.h

# Files of src/collector that know nothing of PostgreSQL and are tested plainly.
PLAIN_COLLECTOR := $(wildcard src/collector/facts.c src/collector/put.c src/collector/rows*.c)
CORE_SOURCES := $(wildcard src/protocol/*.c src/crypto/*.c src/net/*.c) $(PLAIN_COLLECTOR)
COLLECTOR_SOURCES := $(filter-out $(PLAIN_COLLECTOR),$(wildcard src/collector/*.c))
SIMULATOR_SOURCES := $(wildcard src/simulator/*.c)
# test_env.c is what the tests share, not one of them.
UNIT_TESTS := $(filter-out test_env,$(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_*.c)))
UNIT_HELPERS := $(filter-out $(UNIT_TESTS:%=tests/unit/%.c),$(wildcard tests/unit/*.c))
FUZZ_TARGETS := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_HELPERS := $(filter-out tests/fuzz/fuzz_%,$(wildcard tests/fuzz/*.c))
BENCHES := $(sort $(basename $(notdir $(wildcard tests/bench/*.sh tests/bench/*.pl tests/bench/*.py))))
BENCH_PROGRAMS := $(patsubst tests/bench/%.c,$(BUILD)/%,$(wildcard tests/bench/*.c))

SQL_ORDER := $(wildcard src/sql/ORDER)
SQL_SOURCES := $(if $(SQL_ORDER),$(addprefix src/sql/,$(shell sed 's/\#.*//' src/sql/ORDER)),$(sort $(wildcard src/sql/*.sql)))

# What the dashboards ask becomes a function beside the one that runs it.  The
# folders are prerequisites too: a file that is gone changes nothing else.
DASHBOARDS := $(sort $(wildcard dashboards/grafana/*.json) $(wildcard dashboards/metabase/*.sql))
DASHBOARD_QUERIES = $(BUILD)/dashboard_queries.sql
SQL_PIECES = $(patsubst src/sql/dashboards.sql,src/sql/dashboards.sql $(DASHBOARD_QUERIES),$(SQL_SOURCES))

# -iquote, not -I: our node.h or buf.h must never shadow somebody's <node.h>.
INCLUDES = -iquote src/protocol -iquote src/crypto -iquote src/net -iquote src/collector \
	-iquote src -iquote $(GEN) $(SIGNAL_CFLAGS)
SIGNAL_CFLAGS := $(shell pkg-config --cflags libsignal-protocol-c 2>/dev/null)

# libsignal bundles an old protobuf-c and exports it: protobuf-c comes first.
CORE_LIBS = -lprotobuf-c -lsignal-protocol-c -lwebsockets -luv -lssl -lcrypto -lz
SIMULATOR_LIBS = -ljansson
PLAIN_CFLAGS = -std=gnu11 -g -fno-omit-frame-pointer $(WARNINGS) $(INCLUDES)

# ---------------------------------------------------------------- PGXS

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)

core_objects = $(CORE_SOURCES:%.c=$(BUILD)/$(1)/%.o) $(PROTO_SOURCES:$(GEN)/%.c=$(BUILD)/$(1)/gen/%.o)

OBJS = $(COLLECTOR_SOURCES:%.c=$(BUILD)/pg/%.o) $(call core_objects,core)
SHLIB_LINK = $(CORE_LIBS) -lqrencode -lpng -lm -Wl,--exclude-libs,ALL
DATA_built = $(BUILD)/wa_collector--$(EXTVERSION).sql
EXTRA_CLEAN = $(BUILD) wa_simulator

# One order for pg_regress, in sql/ORDER: the tests of one extension share it.
REGRESS := $(if $(wildcard sql/ORDER),$(shell sed 's/\#.*//' sql/ORDER),$(sort $(patsubst sql/%.sql,%,$(wildcard sql/*.sql))))
ISOLATION := $(sort $(patsubst tests/isolation/specs/%.spec,%,$(wildcard tests/isolation/specs/*.spec)))
ISOLATION_OPTS = --inputdir=tests/isolation
PROVE_TESTS ?= $(sort $(wildcard tests/t/*.pl))
PROVE_FLAGS += -I tests/t/lib
TAP_TESTS := $(if $(PROVE_TESTS),1)

.DEFAULT_GOAL := all
ifneq ($(PGXS),)
override with_llvm := no
include $(PGXS)
else
all install installcheck:
	@echo "pg_config not found: install postgresql-server-dev-15 or newer, or set PG_CONFIG" >&2; exit 1
clean:
	rm -rf $(EXTRA_CLEAN)
endif

all: wa_simulator

# Beside extension/, where CREATE EXTENSION looks for nothing.
dashboards_folder = $(DESTDIR)$(datadir)/wa_collector
install: install-dashboards
install-dashboards:
	$(MKDIR_P) '$(dashboards_folder)/grafana' '$(dashboards_folder)/metabase'
	$(INSTALL_DATA) $(wildcard dashboards/grafana/*) '$(dashboards_folder)/grafana/'
	$(INSTALL_DATA) $(wildcard dashboards/metabase/*) '$(dashboards_folder)/metabase/'
uninstall: uninstall-dashboards
uninstall-dashboards:
	rm -rf '$(dashboards_folder)'

# ---------------------------------------------------------------- generated files

$(GEN)/%.pb-c.c $(GEN)/%.pb-c.h &: src/protocol/%.proto
	@mkdir -p $(GEN)
	protoc-c --proto_path=src/protocol --c_out=$(GEN) $<

TOKENS = src/protocol/tokens_single.txt src/protocol/tokens_double.txt
$(GEN)/token_tables.h: src/protocol/token_tables.awk $(TOKENS)
	@mkdir -p $(GEN)
	awk -f $< $(TOKENS) > $@.tmp
	mv $@.tmp $@

$(DASHBOARD_QUERIES): scripts/dashboard_queries.pl dashboards/grafana dashboards/metabase $(DASHBOARDS)
	@mkdir -p $(BUILD)
	perl $< $(DASHBOARDS) > $@.tmp
	mv $@.tmp $@

$(BUILD)/wa_collector--$(EXTVERSION).sql: $(SQL_PIECES) $(SQL_ORDER) wa_collector.control Makefile
	@mkdir -p $(BUILD)
	{ printf '%s\n' '\echo Use "CREATE EXTENSION wa_collector" to load this file. \quit'; \
	  for f in $(SQL_PIECES); do echo; cat "$$f"; done; } > $@.tmp
	mv $@.tmp $@

# ---------------------------------------------------------------- compiling

# $(call variant,name,compiler,flags): $(BUILD)/name/**.o and libcore.a, libsimulator.a
define variant
$(BUILD)/$(1)/%.o: %.c | $(GENERATED)
	@mkdir -p $$(@D)
	@echo '$(1) $$<'
	$$(Q)$(2) $$(PLAIN_CFLAGS) $(3) $$(INCLUDES_$$(firstword $$(subst /, ,$$(patsubst src/%,%,$$<)))) -MMD -MP -c -o $$@ $$<

$(BUILD)/$(1)/gen/%.o: $(GEN)/%.c | $(GENERATED)
	@mkdir -p $$(@D)
	$$(Q)$(2) -std=gnu11 -g -w -I $(GEN) $(3) -MMD -MP -c -o $$@ $$<

$(BUILD)/$(1)/libcore.a: $(call core_objects,$(1))
	@rm -f $$@
	$$(Q)ar rcs $$@ $$^

$(BUILD)/$(1)/libsimulator.a: $(SIMULATOR_SOURCES:%.c=$(BUILD)/$(1)/%.o)
	@rm -f $$@
	$$(Q)ar rcs $$@ $$^
endef

INCLUDES_simulator = -iquote src/simulator
INCLUDES_tests = -iquote src/simulator -iquote tests/unit

SANITIZE = -fsanitize=address,undefined -fno-sanitize-recover=undefined
$(eval $(call variant,core,$$(CC),-O2 -fPIC -fvisibility=hidden -fstack-protector-strong))
$(eval $(call variant,asan,$$(CC),-O1 -fvisibility=hidden $(SANITIZE)))
$(eval $(call variant,fuzz,$$(CLANG),-O1 -fvisibility=hidden -Wno-unknown-warning-option -fsanitize=fuzzer-no-link $(SANITIZE)))

# PGDLLEXPORT means "visible" only from PostgreSQL 16 on; hidden is the rule here.
PG_ONLY_CFLAGS = -std=gnu11 -fPIC -fvisibility=hidden -Wno-declaration-after-statement \
	-DPGDLLEXPORT='__attribute__((visibility("default")))' -DWA_COLLECTOR_VERSION='"$(EXTVERSION)"' \
	-Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers \
	-Wmissing-prototypes -Wvla $(WERROR)
$(BUILD)/pg/%.o: %.c wa_collector.control | $(GENERATED)
	@mkdir -p $(@D)
	@echo 'pg $<'
	$(Q)$(CC) $(CFLAGS) $(PG_ONLY_CFLAGS) $(INCLUDES) $(CPPFLAGS) -MMD -MP -c -o $@ $<

ifneq ($(SIMULATOR_SOURCES),)
wa_simulator: $(SIMULATOR_SOURCES:%.c=$(BUILD)/core/%.o) $(BUILD)/core/libcore.a
	$(Q)$(CC) -o $@ $^ $(CORE_LIBS) $(SIMULATOR_LIBS) -lm
else
wa_simulator:
endif

-include $(shell [ -d $(BUILD) ] && find $(BUILD) -name '*.d')

# ---------------------------------------------------------------- tests without PostgreSQL

UNIT_PROGRAMS = $(UNIT_TESTS:%=$(BUILD)/asan/%)
unit_archives = $(if $(SIMULATOR_SOURCES),$(BUILD)/$(1)/libsimulator.a) $(BUILD)/$(1)/libcore.a
define unit_program
$(BUILD)/$(1)/test_%: $(BUILD)/$(1)/tests/unit/test_%.o $(UNIT_HELPERS:%.c=$(BUILD)/$(1)/%.o) $(call unit_archives,$(1))
	$$(Q)$$(CC) $(2) -o $$@ $$^ $$(CORE_LIBS) -lcmocka $(SIMULATOR_LIBS) -lm
endef
$(eval $(call unit_program,asan,$(SANITIZE)))
$(eval $(call unit_program,core,))
.SECONDARY:

unit-programs: $(UNIT_PROGRAMS)

## unit: build and run tests/unit under ASan and UBSan
unit: unit-programs
	@scripts/run_each.sh unit $(UNIT_PROGRAMS)

## unit-<name>: one of them, with its output (unit-noise runs tests/unit/test_noise.c)
unit-%: $(BUILD)/asan/test_%
	$<

## valgrind: the unit tests under valgrind
valgrind: $(UNIT_TESTS:%=$(BUILD)/core/%)
	@TEST_TIMEOUT=1800 VALGRIND="valgrind -q --leak-check=full --error-exitcode=99" scripts/run_each.sh valgrind $^

$(BUILD)/fuzz/fuzz_%: $(BUILD)/fuzz/tests/fuzz/fuzz_%.o $(FUZZ_HELPERS:%.c=$(BUILD)/fuzz/%.o) $(call unit_archives,fuzz)
	$(Q)$(CLANG) -fsanitize=fuzzer $(SANITIZE) -o $@ $^ $(CORE_LIBS) $(SIMULATOR_LIBS) -lm

## fuzz: every target of tests/fuzz for FUZZ_RUNS executions
fuzz: $(FUZZ_TARGETS:%=fuzz-%)

## fuzz-<name>: one of them
fuzz-%: $(BUILD)/fuzz/fuzz_%
	@mkdir -p $(BUILD)/fuzz/corpus/$* $(BUILD)/fuzz/crashes
	@$< -runs=$(if $(filter $*,$(FUZZ_SLOW)),$$(( $(FUZZ_RUNS) / 10 )),$(FUZZ_RUNS)) -max_len=65536 -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 \
		-artifact_prefix=$(BUILD)/fuzz/crashes/$*- $(BUILD)/fuzz/corpus/$* $(wildcard tests/fuzz/corpus/$*) \
		> $(BUILD)/fuzz/$*.log 2>&1 || \
		{ grep -E 'ERROR|^ +#[0-9]|artifact|Base64' $(BUILD)/fuzz/$*.log | head -40; exit 1; }
	@sed -n "s/^stat::number_of_executed_units: */fuzz $*: /p" $(BUILD)/fuzz/$*.log

# ---------------------------------------------------------------- bench and chaos

$(BENCH_PROGRAMS): $(BUILD)/%: $(BUILD)/core/tests/bench/%.o $(call unit_archives,core)
	$(Q)$(CC) -o $@ $^ $(CORE_LIBS) $(SIMULATOR_LIBS) -lm
bench-programs: $(BENCH_PROGRAMS)

## bench: every benchmark; prints name, value, unit, reference; never fails
bench: $(BENCHES:%=bench-%)

## bench-<name>: one of them
bench-%: all bench-programs
	-@for f in tests/bench/$*.sh tests/bench/$*.pl tests/bench/$*.py; do \
		if [ -x "$$f" ]; then PG_CONFIG=$(PG_CONFIG) BUILD=$(BUILD) "$$f"; exit; fi; done; \
	echo "no such benchmark: $*.  There are: $(BENCHES)" >&2; exit 1

## interop: other people's clients (npm) against the simulator and this extension
interop: all
	@PG_CONFIG=$(PG_CONFIG) tests/interop/run

## chaos: kill, cut and restart KILLS times under load, lose DROP percent, then compare the tables with the truth
chaos: all
	@PG_CONFIG=$(PG_CONFIG) tests/chaos/chaos.pl --kills $(KILLS) --drop $(DROP)

## chaos-messages: the same, and power cuts, while people write in CHAOS_GROUPS groups with CHAOS_BOTS bots; compares every message
chaos-messages: all
	@PG_CONFIG=$(PG_CONFIG) tests/chaos/messages.pl --kills $(KILLS) --bots $(CHAOS_BOTS) --groups $(CHAOS_GROUPS) --rate $(CHAOS_RATE)

# ---------------------------------------------------------------- house

C_FILES := $(wildcard src/*/*.c src/*/*.h tests/*/*.c tests/*/*.h)

## format: lay out the C files in the house style
format:
	$(CLANG_FORMAT) -i $(C_FILES)

## lint: the house rules; each failure names the rule and the fix
lint: $(GENERATED)
	@CLANG_FORMAT=$(CLANG_FORMAT) BUILD=$(BUILD) tests/lint/run

## docs/schema.md: the page about tables, views and functions, from the comments in src/sql
docs/schema.md: $(SQL_SOURCES) scripts/schema_doc.sh scripts/schema_doc.sql | all
	scripts/schema_doc.sh > $(BUILD)/schema.md
	mv $(BUILD)/schema.md $@

## screenshots: docs/images, made by the tests that look at pages in a browser
screenshots: all
	@scripts/screenshots.sh

## help: this list
help:
	@echo "make [all]: the extension and the simulator"
	@echo "make install: into the PostgreSQL of PG_CONFIG ($(PG_CONFIG))"
	@echo "make installcheck: pg_regress, isolation and TAP tests against a running, preloaded server"
	@sed -n 's/^## \(.*\)/make \1/p' Makefile

.PHONY: install-dashboards uninstall-dashboards unit unit-programs interop valgrind fuzz bench bench-programs chaos chaos-messages format lint screenshots help
